"""The files that locks are taken on, in directories that other users may write to."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path

from imgadm.base.errors import FileSystemError
from imgadm.base.files.opening import is_same_file, open_directory, open_regular

_PRIVATE = 0o600
_PATIENCE = 1.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class LockFile:
    """The file ``path``, which stands for ``what``; ``in_pool`` if it is in a directory pool."""

    path: Path
    what: str
    in_pool: bool = False

    def open(self, *, make: bool = True) -> int:
        """Return a descriptor of the file, which is created if it is missing and ``make`` is set.

        Waits a little if another process is just creating the file. Raises FileSystemError.
        """
        try:
            directory = open_directory(self.path.parent)
        except OSError as error:
            raise self._unusable(error) from error
        try:
            descriptor = self._open(directory, make=make)
            try:
                self._check(descriptor, directory)
                self._tighten(descriptor, directory)
            except BaseException:
                os.close(descriptor)
                raise
            return descriptor
        except OSError as error:
            raise self._unusable(error) from error
        finally:
            os.close(directory)

    def is_at(self, descriptor: int) -> bool:
        """Tell whether the open file still has its name. Raises FileSystemError."""
        try:
            directory = open_directory(self.path.parent)
            try:
                return is_same_file(os.fstat(descriptor), self.path.name, directory)
            finally:
                os.close(directory)
        except OSError as error:
            if error.errno == errno.ESTALE:  # another host has removed it
                return False
            raise self._unusable(error) from error

    def remove(self, descriptor: int) -> None:
        """Remove the open file, unless another file has its name by now. Raises OSError."""
        if self.is_at(descriptor):
            self.path.unlink()

    def _open(self, directory: int, *, make: bool) -> int:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                return open_regular(self.path.name, os.O_RDWR, dir_fd=directory)
            except FileNotFoundError:
                if not make:
                    raise
                with contextlib.suppress(FileExistsError):
                    return self._make(directory)
            except PermissionError:
                # Another user may have created it just now, and be about to open it to others.
                if not make or not self.in_pool or time.monotonic() > deadline:
                    raise
                time.sleep(_POLL_SECONDS)

    def _make(self, directory: int) -> int:
        # O_CREAT is used only to create the file: Linux refuses it for another user's file in a
        # sticky directory (fs.protected_regular).
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.path.name, flags, _PRIVATE, dir_fd=directory)
        above = os.fstat(directory)
        with contextlib.suppress(OSError):  # a file system without owners, or modes
            with contextlib.suppress(PermissionError):
                os.fchown(descriptor, above.st_uid if os.geteuid() == 0 else -1, above.st_gid)
            os.fchmod(descriptor, self._mode(descriptor, above))
        return descriptor

    def _mode(self, descriptor: int, directory: os.stat_result) -> int:
        """Return the mode of the file: users that may write to a pool may lock its images."""
        if not self.in_pool:
            return _PRIVATE
        mode = _PRIVATE
        if directory.st_mode & stat.S_IWGRP and os.fstat(descriptor).st_gid == directory.st_gid:
            mode |= 0o060
        if directory.st_mode & stat.S_IWOTH:
            mode |= 0o006
        return mode

    def _check(self, descriptor: int, directory: int) -> None:
        status, above = os.fstat(descriptor), os.fstat(directory)
        if status.st_nlink > 1:
            raise FileExistsError(errno.EEXIST, "the file has other names, too; remove this one")
        may_be_planted = not self.in_pool and above.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if may_be_planted and status.st_uid not in (os.geteuid(), above.st_uid, 0):
            reason = f"the file belongs to user {status.st_uid}; remove it"
            raise PermissionError(errno.EPERM, reason)

    def _tighten(self, descriptor: int, directory: int) -> None:
        """Correct the mode of a file of earlier versions, which everybody could open."""
        status = os.fstat(descriptor)
        wanted = self._mode(descriptor, os.fstat(directory))
        if status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) != wanted:
            with contextlib.suppress(OSError):
                os.fchmod(descriptor, wanted)

    def _unusable(self, error: OSError) -> FileSystemError:
        action = f'cannot open lock file "{self.path}"'
        if self.in_pool and error.errno == errno.EACCES:
            return FileSystemError(
                f"{action}: it belongs to another user, who works on {self.what}; users that share "
                "a pool have to be in a group that may write to its directory",
                code="EACCES",
                cause=error,
            )
        return FileSystemError.from_os_error(action, error)
