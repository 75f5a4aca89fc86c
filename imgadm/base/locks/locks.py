"""Locks between processes and threads, which die with their holder and say who it is.

A lock is a POSIX record lock on a file, as the original tool takes it, so both exclude each other.
The holder writes who it is into it, and empties it when it is done. Nobody but its owner may open
the file: who can open it for reading can hold a shared lock, and keep everybody else waiting.

Locks of the host are files of its lock directory, and are never removed, since the original would
go on to wait for a file that nobody else can find. An image in a directory pool is also locked in
the pool itself, for processes that have other lock directories: in a container, of another user, on
another host of a network file system. That file belongs to the owner of the pool, can be opened by
those who may write to the pool, and is removed. Who gets such a lock looks whether it still is the
file of that name, and says in a file that it removes that it does, since a network file system may
show its old name for a while.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from imgadm.base.errors import FileSystemError, LockedError
from imgadm.base.files.replacement import make_directory
from imgadm.base.locks.lock_files import LockFile
from imgadm.base.redaction import redact_text
from imgadm.base.signals import signals_held_back

PATIENCE = 1.0
"""Seconds that a waiter waits before it says so."""

_POLL_SECONDS = 0.05
_MOMENT = 0.2
_RETRY_SECONDS = 0.25
_BUSY = frozenset({errno.EACCES, errno.EAGAIN})
_TRANSIENT = frozenset({errno.EAGAIN, errno.ENOLCK, errno.EDEADLK})
_NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL})
_DOOMED = b"removed\n"
_IN_POOL = re.compile(r"\.([0-9a-f-]{36})\.lock")
_MAX_COMMAND = 200
_MAX_HOLDER_BYTES = 4096


@dataclass(frozen=True)
class Holder:
    """The process that holds a lock: its id, what it does, since when (UTC, ISO 8601), and on which
    host, which may be another one where a pool is shared."""

    pid: int
    command: str
    started: str
    host: str

    def __str__(self) -> str:
        where = "" if self.host == os.uname().nodename else f" on {self.host}"
        return f'"{redact_text(self.command)}" (pid {self.pid}{where}, since {self.started})'

    @classmethod
    def this_process(cls, command: str) -> Holder:
        """This process, for everybody to read: without the secrets of URLs."""
        started = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        short = redact_text(command)[:_MAX_COMMAND]
        return cls(os.getpid(), short, started, os.uname().nodename)


OnWait = Callable[[Holder | None], None]
"""Called once if a lock was not free after :data:`PATIENCE`; None where the holder is unknown."""


@contextlib.contextmanager
def image_lock(
    directory: Path,
    uuid: str,
    *,
    command: str,
    wait: bool = True,
    shared: bool = False,
    on_wait: OnWait | None = None,
    pool: Path | None = None,
) -> Iterator[None]:
    """Hold the lock of one image: whoever changes it on any pool of this host holds this.

    ``pool`` is the directory of a pool that other hosts may use, too: the lock there is taken after
    the one in ``directory``. ``command`` is what others are told that the holder does. With
    ``wait=False`` a lock that is taken raises LockedError at once. A ``shared`` lock keeps the
    image as it is, and lets other processes hold it too; from a pool that this process may not
    write to it reads without one. Locks of several images are taken child first, base last.
    """
    what = f"image {uuid}"
    notice = _WaitNotice(on_wait)
    with contextlib.ExitStack() as locks:
        host = LockFile(directory / f"img.{uuid}.import.lock", what)
        locks.enter_context(_held(host, command, wait, notice, shared=shared))
        if pool is not None and not (shared and not os.access(pool, os.W_OK | os.X_OK)):
            shared_by_hosts = LockFile(pool / f".{uuid}.lock", what, in_pool=True)
            locks.enter_context(_held(shared_by_hosts, command, wait, notice, shared=shared))
        yield


def locked_in_pool(name: str) -> str | None:
    """The UUID of the image whose lock a file of this name in a pool is."""
    match = _IN_POOL.fullmatch(name)
    return match and match[1]


def remove_dead_locks(pool: Path) -> None:
    """Remove files of locks in a pool that killed processes have left. Never raises."""
    with contextlib.suppress(OSError), os.scandir(pool) as entries:
        names = [entry.name for entry in entries if _IN_POOL.fullmatch(entry.name)]
        for name in names:
            _remove_if_dead(LockFile(pool / name, "", in_pool=True))


def _remove_if_dead(file: LockFile) -> None:
    among_threads = _among_threads(file)
    if not among_threads.acquire(blocking=False):
        return  # it is our own: to open it, and close it again, would drop the lock
    try:
        descriptor = file.open(make=False)
        try:
            _remove(descriptor, file)
        finally:
            os.close(descriptor)
    except FileSystemError:  # of another user, or no lock at all
        pass
    finally:
        among_threads.release()


def _among_threads(file: LockFile) -> threading.Lock:
    with _registry:
        return _thread_locks.setdefault(file.path, threading.Lock())


@contextlib.contextmanager
def machine_lock(
    directory: Path,
    uuid: str,
    *,
    command: str,
    wait: bool = True,
    on_wait: OnWait | None = None,
) -> Iterator[None]:
    """Hold the lock of a virtual machine: one image at a time is made of it."""
    file = LockFile(directory / f"img.{uuid}.create.lock", f"vm {uuid}")
    with _held(file, command, wait, _WaitNotice(on_wait)):
        yield


@contextlib.contextmanager
def state_lock(directory: Path, *, command: str, on_wait: OnWait | None = None) -> Iterator[None]:
    """Hold the lock of the configuration file, for as long as it takes to read and replace it."""
    file = LockFile(directory / "imgadm.state.lock", "the configuration")
    with _held(file, command, True, _WaitNotice(on_wait)):
        yield


# POSIX locks do not exclude threads of one process from each other, and closing any descriptor of
# the file drops them, so a second thread may not even open it while the first holds the lock.
_thread_locks: dict[Path, threading.Lock] = {}
_registry = threading.Lock()


@contextlib.contextmanager
def _held(
    file: LockFile, command: str, wait: bool, notice: _WaitNotice, *, shared: bool = False
) -> Iterator[None]:
    mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    holder = Holder.this_process(command)
    if not file.in_pool:
        make_directory(file.path.parent)
    among_threads = _among_threads(file)
    if not among_threads.acquire(timeout=PATIENCE if wait else 0):
        if not wait:
            raise _locked(file.what, holder)
        notice.give(holder)
        among_threads.acquire()
    try:
        descriptor = _lock(file, mode, wait, notice)
        try:
            _write_holder(descriptor, holder)
            try:
                yield
            finally:
                with signals_held_back():  # a second Ctrl-C must not leave the file behind
                    if _read_holder(descriptor) == holder:
                        _write_holder(descriptor, None)
                    if file.in_pool:
                        _remove(descriptor, file)
        finally:
            os.close(descriptor)
    finally:
        among_threads.release()


def _lock(file: LockFile, mode: int, wait: bool, notice: _WaitNotice) -> int:
    """The open and locked file."""
    while True:
        descriptor = file.open()
        try:
            _lock_open(descriptor, file, mode, wait, notice)
            if not file.in_pool:
                return descriptor
            is_doomed = os.pread(descriptor, len(_DOOMED), 0) == _DOOMED
            if not is_doomed and file.is_at(descriptor):
                return descriptor
            if is_doomed:  # by a process that has died since
                _remove(descriptor, file)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


class _WaitNotice:
    """Calls back at most once, however many locks stand behind one another."""

    def __init__(self, on_wait: OnWait | None) -> None:
        self._on_wait = on_wait

    def give(self, holder: Holder | None) -> None:
        if self._on_wait is not None:
            self._on_wait(holder)
            self._on_wait = None


def _lock_open(descriptor: int, file: LockFile, mode: int, wait: bool, notice: _WaitNotice) -> None:
    # Somebody may hold a lock in a pool for a moment only, to remove its file.
    patience = PATIENCE if wait else _MOMENT if file.in_pool else 0
    deadline = time.monotonic() + patience
    while not _try_lock(descriptor, file.path, mode):
        if time.monotonic() >= deadline:
            if not wait:
                raise _locked(file.what, _read_holder(descriptor))
            notice.give(_read_holder(descriptor))
            _lock_blocking(descriptor, file.path, mode)
            return
        time.sleep(_POLL_SECONDS)


def _try_lock(descriptor: int, path: Path, mode: int) -> bool:
    try:
        fcntl.lockf(descriptor, mode | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _BUSY:
            return False
        if error.errno in _NO_LOCKS:
            raise FileSystemError(
                f'cannot lock "{path}": its file system has no locks ({error.strerror}); mount it '
                "with locks, or use another directory",
                code=errno.errorcode[error.errno],
                cause=error,
            ) from error
        raise FileSystemError.from_os_error(f'cannot lock "{path}"', error) from error
    return True


def _lock_blocking(descriptor: int, path: Path, mode: int) -> None:
    while True:
        try:
            fcntl.lockf(descriptor, mode)
        except OSError as error:
            if error.errno not in _TRANSIENT:
                raise FileSystemError.from_os_error(f'cannot lock "{path}"', error) from error
            time.sleep(_RETRY_SECONDS)
        else:
            return


def _locked(what: str, holder: Holder | None) -> LockedError:
    by = "another process" if holder is None else str(holder)
    return LockedError(f"{what} is locked by {by}: try again when that is done")


def _read_holder(descriptor: int) -> Holder | None:
    try:
        fields = json.loads(os.pread(descriptor, _MAX_HOLDER_BYTES, 0))
        names = ("command", "started", "host")
        return Holder(int(fields["pid"]), *(str(fields[name]) for name in names))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_holder(descriptor: int, holder: Holder | None) -> None:
    content = b"" if holder is None else json.dumps(asdict(holder)).encode()
    # Without its text the lock is as good; a full file system must not fail the command.
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, content, 0)


def _remove(descriptor: int, file: LockFile) -> None:
    """Remove the file of a lock in a pool, unless somebody else holds the lock, too.

    Where that is not allowed, in a sticky directory say, it stays, and is as good as before.
    """
    with contextlib.suppress(OSError, FileSystemError):
        if _try_lock(descriptor, file.path, fcntl.LOCK_EX):
            os.ftruncate(descriptor, 0)
            try:
                if os.pwrite(descriptor, _DOOMED, 0) == len(_DOOMED):
                    file.remove(descriptor)
            except OSError:
                os.ftruncate(descriptor, 0)
