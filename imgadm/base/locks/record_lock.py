"""POSIX record locks on open files, with errors that say what to do."""

from __future__ import annotations

import errno
import fcntl
import time
from pathlib import Path

from imgadm.base.errors import FileSystemError

_RETRY_SECONDS = 0.25
_BUSY = frozenset({errno.EACCES, errno.EAGAIN})
_TRANSIENT = frozenset({errno.EAGAIN, errno.ENOLCK, errno.EDEADLK})
_NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL})


def try_record_lock(descriptor: int, path: Path, mode: int) -> bool:
    """Lock an open file if that is possible at once; return whether it is locked.

    ``mode`` is ``fcntl.LOCK_SH`` or ``fcntl.LOCK_EX``, ``path`` the file's name for messages.
    Raises FileSystemError if the file cannot be locked at all.
    """
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


def wait_for_record_lock(descriptor: int, path: Path, mode: int) -> None:
    """Lock an open file as soon as its other holders have released it.

    The arguments are those of :func:`try_record_lock`. Raises FileSystemError.
    """
    while True:
        try:
            fcntl.lockf(descriptor, mode)
        except OSError as error:
            if error.errno not in _TRANSIENT:
                raise FileSystemError.from_os_error(f'cannot lock "{path}"', error) from error
            time.sleep(_RETRY_SECONDS)
        else:
            return
