"""The creation of files: each is new, and gets its name only when it is whole.

A user who may write to the same directory can put a link, a device or a file where imgadm is about
to write. Every file is therefore created under a name that cannot be guessed, never through a link,
and is renamed relative to the directory that was opened first.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import stat
from pathlib import Path

from imgadm.base.files.opening import is_same_file, kind_of, open_directory, open_regular

_LONGEST_NAME = 255
_HIDDEN = re.compile(r"\.(.+)\.([0-9]{1,9})\.[0-9a-f]{8}", re.DOTALL)
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class NewFile:
    """A new file, open as ``descriptor``, that becomes ``path`` when :meth:`commit` is called.

    Until then it lies beside ``path``, as ``NAME.XXXXXXXX.partial`` (eight hexadecimal digits), or
    as ``.NAME.PID.XXXXXXXX`` if it is ``hidden``. It gets ``mode`` less the umask, or ``mode``
    itself if it is ``exact``. At ``path`` there must be nothing or a regular file, now and when the
    file is committed. A file that is not hidden is locked while it is written; creating it removes
    the unlocked partial files of the same path, which dead processes of this user have left.

    Raises OSError. Call :meth:`close` in the end; without a commit it removes the file.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        mode: int = 0o666,
        exact: bool = False,
        hidden: bool = False,
    ) -> None:
        self.path = os.fsdecode(path)
        above, self._target = os.path.split(self.path)
        self._directory = open_directory(above or ".")
        self.descriptor = -1
        self._named = False
        try:
            self._check_target()
            if not hidden:
                remove_dead_partials(self.path, self._directory)
            self._make(mode, hidden=hidden)
            if exact:
                os.fchmod(self.descriptor, mode)
        except BaseException:
            self.close()
            raise

    def commit(self, *, replace: bool = True) -> None:
        """Give the file its name; without ``replace``, no file may have that name.

        Raises OSError, such as FileExistsError; the name then still means what it did before.
        """
        self._check_ours(self._name)
        self._check_target()
        if replace or not self._link():
            if not replace and _exists(self._target, self._directory):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), self.path)
            os.rename(
                self._name, self._target, src_dir_fd=self._directory, dst_dir_fd=self._directory
            )
        self._named = True
        self._check_ours(self._target)

    def sync_directory(self) -> None:
        """Write the name to the disk too; raises OSError."""
        directory = os.open(".", os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._directory)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def close(self) -> None:
        """Close the file, and remove it unless it was committed. Can be called repeatedly."""
        if self.descriptor >= 0:
            if not self._named and is_same_file(
                os.fstat(self.descriptor), self._name, self._directory
            ):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._name, dir_fd=self._directory)
            os.close(self.descriptor)
            self.descriptor = -1
        if self._directory >= 0:
            os.close(self._directory)
            self._directory = -1

    def __enter__(self) -> NewFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _make(self, mode: int, *, hidden: bool) -> None:
        while True:
            self._name = (
                unique_name(f".{self._target}", f".{os.getpid()}.", "")
                if hidden
                else unique_name(self._target, ".", ".partial")
            )
            with contextlib.suppress(FileExistsError):
                self.descriptor = os.open(self._name, _NEW, mode, dir_fd=self._directory)
                # Before the lock, another process may take the file for a dead one's and remove it.
                if hidden or self._is_locked():
                    return
                os.close(self.descriptor)
                self.descriptor = -1

    def _is_locked(self) -> bool:
        _try_lock(self.descriptor)
        return is_same_file(os.fstat(self.descriptor), self._name, self._directory)

    def _link(self) -> bool:
        """Name the file by a link. Return False if that is impossible; raises FileExistsError."""
        try:
            os.link(
                self._name,
                self._target,
                src_dir_fd=self._directory,
                dst_dir_fd=self._directory,
                follow_symlinks=False,
            )
        except FileExistsError as error:
            raise FileExistsError(error.errno, error.strerror, self.path) from error
        except (OSError, NotImplementedError):
            return False
        os.unlink(self._name, dir_fd=self._directory)
        return True

    def _check_ours(self, name: str) -> None:
        if not is_same_file(os.fstat(self.descriptor), name, self._directory):
            raise PermissionError(
                errno.EPERM,
                "another process has put something else in the place of the file that was written",
                self.path,
            )

    def _check_target(self) -> None:
        if self._target in ("", ".", ".."):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), self.path)
        try:
            status = os.stat(self._target, dir_fd=self._directory, follow_symlinks=False)
        except FileNotFoundError:
            return
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), self.path)
        if not stat.S_ISREG(status.st_mode):
            raise FileExistsError(
                errno.EEXIST,
                f"there is {kind_of(status.st_mode)}, and nothing but a regular file is replaced",
                self.path,
            )


def unique_name(name: str, before: str, after: str) -> str:
    """Return a file name of ``name``, ``before``, eight random digits and ``after``."""
    end = f"{before}{os.urandom(4).hex()}{after}"
    return cut_name(name, len(end)) + end


def cut_name(name: str, room: int) -> str:
    """Return a file name cut so that ``room`` more bytes can follow it.

    The cut never divides a character, because some file systems accept only UTF-8.
    """
    encoded, length = os.fsencode(name), _LONGEST_NAME - room
    while length < len(encoded) and encoded[length] & 0xC0 == 0x80:
        length -= 1
    return os.fsdecode(encoded[:length])


def remove_dead_partials(path: str | os.PathLike[str], directory: int | None = None) -> None:
    """Remove the partial files of ``path`` that dead processes of this user left. Never raises.

    A file that is not locked belongs to a dead process. On a file system without locks, all partial
    files stay. ``directory`` is a descriptor of the directory of ``path``, if it is open.
    """
    above, name = os.path.split(os.fsdecode(path))
    stem = cut_name(name, len(".01234567.partial"))
    pattern = re.compile(re.escape(stem) + r"\.[0-9a-f]{8}\.partial", re.DOTALL)
    with contextlib.suppress(OSError):
        with os.scandir(above or ".") as entries:
            found = [entry.name for entry in entries if pattern.fullmatch(entry.name)]
        if not found:
            return
        opened = open_directory(above or ".") if directory is None else os.dup(directory)
        try:
            for partial in found:
                _remove_if_dead(partial, opened)
        finally:
            os.close(opened)


def remove_hidden_partials(path: str | os.PathLike[str]) -> None:
    """Remove the hidden partial files of ``path`` that dead processes left. Never raises.

    These files are not locked: call this only if no other process can be writing ``path``.
    """
    above, name = os.path.split(os.fsdecode(path))
    with contextlib.suppress(OSError):
        with os.scandir(above or ".") as entries:
            found = [(entry.path, read_hidden_name(entry.name)) for entry in entries]
        for partial, hidden in found:
            if hidden is not None and hidden[0] == name:
                Path(partial).unlink()


def read_hidden_name(name: str) -> tuple[str, int] | None:
    """Return the file name and the process id in the name of a hidden file, None for others."""
    match = _HIDDEN.fullmatch(name)
    return None if match is None else (match[1], int(match[2]))


def _remove_if_dead(name: str, directory: int) -> None:
    with contextlib.suppress(OSError):
        descriptor = open_regular(name, os.O_RDWR, dir_fd=directory)
        try:
            status = os.fstat(descriptor)
            ours = status.st_uid == os.geteuid()
            if ours and _try_lock(descriptor) and is_same_file(status, name, directory):
                os.unlink(name, dir_fd=directory)
        finally:
            os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _exists(name: str, directory: int) -> bool:
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
