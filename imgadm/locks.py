"""Locks between processes and threads, which die with their holder and say who it is.

A lock is a POSIX record lock on a file, as the original tool takes it, so both exclude each other.
The file is never removed: a waiter would then hold a lock on a file that nobody else can find. The
holder writes who it is into it, and empties it when it is done.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from imgadm.errors import FileSystemError, LockedError
from imgadm.files import make_directory
from imgadm.redaction import redact_text

PATIENCE = 1.0
"""Seconds that a waiter waits before it says so."""

_POLL_SECONDS = 0.05
_RETRY_SECONDS = 0.25
_BUSY = frozenset({errno.EACCES, errno.EAGAIN})
_TRANSIENT = frozenset({errno.EAGAIN, errno.ENOLCK, errno.EDEADLK})
_MAX_COMMAND = 200
_MAX_HOLDER_BYTES = 4096


@dataclass(frozen=True)
class Holder:
    """The process that holds a lock: its id, what it does, and since when (UTC, ISO 8601)."""

    pid: int
    command: str
    started: str

    def __str__(self) -> str:
        return f'"{redact_text(self.command)}" (pid {self.pid}, since {self.started})'

    @classmethod
    def this_process(cls, command: str) -> Holder:
        """This process, for everybody to read: without the secrets of URLs."""
        started = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return cls(os.getpid(), redact_text(command)[:_MAX_COMMAND], started)


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
) -> Iterator[None]:
    """Hold the lock of one image: whoever changes it on any pool of this host holds this.

    ``command`` is what others are told that the holder does. With ``wait=False`` a lock that is
    taken raises LockedError at once. A ``shared`` lock keeps the image as it is, and lets other
    processes hold it too. Locks of several images are taken child first, base last.
    """
    path = directory / f"img.{uuid}.import.lock"
    with _held(path, f"image {uuid}", command, wait, on_wait, shared=shared):
        yield


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
    with _held(directory / f"img.{uuid}.create.lock", f"vm {uuid}", command, wait, on_wait):
        yield


@contextlib.contextmanager
def state_lock(directory: Path, *, command: str, on_wait: OnWait | None = None) -> Iterator[None]:
    """Hold the lock of the configuration file, for as long as it takes to read and replace it."""
    with _held(directory / "imgadm.state.lock", "the configuration", command, True, on_wait):
        yield


# POSIX locks do not exclude threads of one process from each other, and closing any descriptor of
# the file drops them, so a second thread may not even open it while the first holds the lock.
_thread_locks: dict[Path, threading.Lock] = {}
_registry = threading.Lock()


@contextlib.contextmanager
def _held(
    path: Path,
    what: str,
    command: str,
    wait: bool,
    on_wait: OnWait | None,
    *,
    shared: bool = False,
) -> Iterator[None]:
    mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    holder = Holder.this_process(command)
    notice = _WaitNotice(on_wait)
    make_directory(path.parent)
    with _registry:
        among_threads = _thread_locks.setdefault(path, threading.Lock())
    if not among_threads.acquire(timeout=PATIENCE if wait else 0):
        if not wait:
            raise _locked(what, holder)
        notice.give(holder)
        among_threads.acquire()
    try:
        descriptor = _open(path)
        try:
            _lock(descriptor, path, mode, what, wait, notice)
            _write_holder(descriptor, holder)
            try:
                yield
            finally:
                if _read_holder(descriptor) == holder:
                    _write_holder(descriptor, None)
        finally:
            os.close(descriptor)
    finally:
        among_threads.release()


class _WaitNotice:
    """Calls back at most once, however many locks stand behind one another."""

    def __init__(self, on_wait: OnWait | None) -> None:
        self._on_wait = on_wait

    def give(self, holder: Holder | None) -> None:
        if self._on_wait is not None:
            self._on_wait(holder)
            self._on_wait = None


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(path, flags, 0o644)
    except OSError as error:
        raise FileSystemError.from_os_error(f'cannot open lock file "{path}"', error) from error


def _lock(
    descriptor: int, path: Path, mode: int, what: str, wait: bool, notice: _WaitNotice
) -> None:
    deadline = time.monotonic() + (PATIENCE if wait else 0)
    while not _try_lock(descriptor, path, mode):
        if not wait:
            raise _locked(what, _read_holder(descriptor))
        if time.monotonic() >= deadline:
            notice.give(_read_holder(descriptor))
            _lock_blocking(descriptor, path, mode)
            return
        time.sleep(_POLL_SECONDS)


def _try_lock(descriptor: int, path: Path, mode: int) -> bool:
    try:
        fcntl.lockf(descriptor, mode | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _BUSY:
            return False
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
        return Holder(int(fields["pid"]), str(fields["command"]), str(fields["started"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_holder(descriptor: int, holder: Holder | None) -> None:
    content = b"" if holder is None else json.dumps(asdict(holder)).encode()
    # Without its text the lock is as good; a full file system must not fail the command.
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, content, 0)
