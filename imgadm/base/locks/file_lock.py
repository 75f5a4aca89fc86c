"""One lock file, held against other processes and against other threads of this one.

A lock is a POSIX record lock on a file, which the original tool takes too, so that both exclude
each other. The kernel releases it when its holder dies. The holder writes itself into the file and
empties the file when it is done.

A lock file in a pool is removed by its last holder. A process that locks such a file therefore
checks afterwards that the file still has its name. A holder that removes the file writes that into
the file first, because a network file system may show the old name for a while.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from imgadm.base.errors import FileSystemError, LockedError
from imgadm.base.files.replacement import make_directory
from imgadm.base.locks.holder import Holder, OnWait, read_holder, shown_holder, write_holder
from imgadm.base.locks.lock_files import LockFile
from imgadm.base.locks.record_lock import try_record_lock, wait_for_record_lock
from imgadm.base.signals import signals_held_back

PATIENCE = 1.0
"""Seconds that a waiter waits before it reports that it waits."""

_POLL_SECONDS = 0.05
_MOMENT = 0.2
"""Seconds for which another process may hold a lock only to remove its file."""

_DOOMED = b"removed\n"

# POSIX locks do not exclude threads of one process from each other. Closing any descriptor of the
# file drops the lock of the whole process, so a second thread must not even open the file while
# the first one holds the lock.
_thread_locks: dict[Path, threading.Lock] = {}
_registry = threading.Lock()


class WaitNotice:
    """A report of waiting that is made at most once, however many locks are waited for."""

    def __init__(self, on_wait: OnWait | None) -> None:
        self._on_wait = on_wait

    def give(self, holder: Holder | None) -> None:
        """Report that this process waits for ``holder``, unless it has reported that before."""
        if self._on_wait is not None:
            self._on_wait(holder)
            self._on_wait = None


@contextlib.contextmanager
def file_lock(
    file: LockFile, command: str, wait: bool, notice: WaitNotice, *, shared: bool = False
) -> Iterator[None]:
    """Hold the lock that ``file`` stands for.

    ``command`` tells other processes what the holder does. ``notice`` is given if the lock is not
    free after :data:`PATIENCE`. Raises LockedError at once if another holder has the lock and
    ``wait`` is False, and FileSystemError if the file cannot be locked. Several holders may have a
    ``shared`` lock at the same time.
    """
    mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    holder = Holder.this_process(command)
    if not file.in_pool:
        make_directory(file.path.parent)
    among_threads = _among_threads(file)
    if not among_threads.acquire(timeout=PATIENCE if wait else 0):
        if not wait:
            raise LockedError(file.what, shown_holder(holder))
        notice.give(holder)
        among_threads.acquire()
    try:
        descriptor = _open_locked(file, mode, wait, notice)
        try:
            write_holder(descriptor, holder)
            try:
                yield
            finally:
                with signals_held_back():  # a second Ctrl-C must not leave the file behind
                    if read_holder(descriptor) == holder:
                        write_holder(descriptor, None)
                    if file.in_pool:
                        _remove(descriptor, file)
        finally:
            os.close(descriptor)
    finally:
        among_threads.release()


def remove_unheld_lock(file: LockFile) -> None:
    """Remove the lock file ``file`` of a pool unless a process holds its lock.

    The file stays, without an error, if it belongs to another user or is no lock file.
    """
    among_threads = _among_threads(file)
    if not among_threads.acquire(blocking=False):
        return  # this process holds it: opening and closing the file would drop the lock
    try:
        descriptor = file.open(make=False)
        try:
            _remove(descriptor, file)
        finally:
            os.close(descriptor)
    except FileSystemError:
        pass
    finally:
        among_threads.release()


def _among_threads(file: LockFile) -> threading.Lock:
    with _registry:
        return _thread_locks.setdefault(file.path, threading.Lock())


def _open_locked(file: LockFile, mode: int, wait: bool, notice: WaitNotice) -> int:
    """Return a descriptor of ``file``, locked, while the file still has its name."""
    while True:
        descriptor = file.open()
        try:
            _lock(descriptor, file, mode, wait, notice)
            if not file.in_pool:
                return descriptor
            is_doomed = os.pread(descriptor, len(_DOOMED), 0) == _DOOMED
            if not is_doomed and file.is_at(descriptor):
                return descriptor
            if is_doomed:  # by a process that died before it had removed the file
                _remove(descriptor, file)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _lock(descriptor: int, file: LockFile, mode: int, wait: bool, notice: WaitNotice) -> None:
    # Another process may hold a lock in a pool only for a moment, to remove its file.
    patience = PATIENCE if wait else _MOMENT if file.in_pool else 0
    deadline = time.monotonic() + patience
    while not try_record_lock(descriptor, file.path, mode):
        if time.monotonic() >= deadline:
            if not wait:
                raise LockedError(file.what, shown_holder(read_holder(descriptor)))
            notice.give(read_holder(descriptor))
            wait_for_record_lock(descriptor, file.path, mode)
            return
        time.sleep(_POLL_SECONDS)


def _remove(descriptor: int, file: LockFile) -> None:
    """Remove the file of a lock in a pool, unless another process holds the lock too.

    The file stays where this process may not remove it, for example in a sticky directory. It
    remains usable as a lock.
    """
    with contextlib.suppress(OSError, FileSystemError):
        if try_record_lock(descriptor, file.path, fcntl.LOCK_EX):
            os.ftruncate(descriptor, 0)
            try:
                if os.pwrite(descriptor, _DOOMED, 0) == len(_DOOMED):
                    file.remove(descriptor)
            except OSError:
                os.ftruncate(descriptor, 0)
