"""Files replaced as a whole: a reader sees the old content or the new, even after a crash."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from imgadm.base.errors import FileSystemError

_PIECE = 64 * 1024
_PRIVATE = 0o600
_DIRECTORY_MODE = 0o755
_OWNER = 0o700
_MOST_PIECES = (64 << 20) // _PIECE


def read_small_file(path: Path | str, *, follow: bool = True) -> bytes:
    """Return the content of a file of at most 64 MiB; raises OSError.

    This never waits for a pipe, which counts as empty. Do not ``follow`` a link where other users
    may have put one.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
    descriptor = os.open(path, flags if follow else flags | os.O_NOFOLLOW)
    try:
        pieces: list[bytes] = []
        while piece := os.read(descriptor, _PIECE):
            pieces.append(piece)
            if len(pieces) > _MOST_PIECES:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
        return b"".join(pieces)
    finally:
        os.close(descriptor)


def read_or_none(path: Path | str) -> bytes | None:
    """Return the content of ``path``, None if there is no such file.

    Raises FileSystemError if the file exists and cannot be read.
    """
    try:
        return read_small_file(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FileSystemError.from_os_error(f'cannot read "{path}"', error) from error


def make_directory(path: Path) -> None:
    """Create the directory ``path`` and its missing parents; raises FileSystemError.

    Whatever the umask is, the owner may use the new directories, and no other user may write there.
    """
    try:
        missing = [path]
        while not missing[-1].parent.exists():
            missing.append(missing[-1].parent)
        for directory in missing[::-1]:
            make_one_directory(directory)
    except OSError as error:
        raise FileSystemError.from_os_error(f'cannot create directory "{path}"', error) from error


def make_one_directory(path: Path) -> None:
    """Create ``path`` if it is missing, as :func:`make_directory` does; raises OSError."""
    try:
        path.mkdir(_DIRECTORY_MODE)
    except FileExistsError:
        if not path.is_dir():
            raise
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & _OWNER != _OWNER:  # a umask that takes rights from the owner too
        path.chmod(mode | _OWNER)


def write_atomically(
    path: Path,
    content: bytes,
    *,
    mode: int = 0o644,
    private: bool = False,
    follow: bool = False,
) -> None:
    """Replace ``path`` by ``content``, durably; on failure the old file stays.

    A new file gets ``mode`` less the umask, but its owner may read and write it. A replaced file
    keeps its mode, and its owner and group if this process may give files away. A ``private`` file
    gets mode 0600 in either case. A file that exists must be a regular file; with ``follow``, a
    symbolic link keeps pointing where it did. Callers that may run at the same time need a lock,
    or the content of one is lost. Raises FileSystemError.
    """
    from imgadm.base.files.creation import NewFile

    target = Path(os.path.realpath(path)) if follow else path
    make_directory(target.parent)
    try:
        with NewFile(target, mode=_PRIVATE if private else mode, hidden=True) as file:
            _keep_access(file.descriptor, target, private=private)
            write_fully(file.descriptor, content)
            os.fsync(file.descriptor)
            file.commit()
            file.sync_directory()
    except OSError as error:
        raise FileSystemError.from_os_error(f'cannot write "{path}"', error) from error


def write_fully(descriptor: int, content: bytes) -> None:
    """Write all of ``content`` to a descriptor; raises OSError."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def remove_durably(path: Path) -> None:
    """Remove the file ``path`` if it exists, and sync its directory; raises FileSystemError."""
    try:
        path.unlink(missing_ok=True)
        if path.parent.is_dir():
            sync_directory(path.parent)
    except OSError as error:
        raise FileSystemError.from_os_error(f'cannot remove "{path}"', error) from error


def _keep_access(descriptor: int, replaced: Path, *, private: bool) -> None:
    """Give a new file the owner, the group and the mode of the file that it will replace.

    If there is no such file, the owner of the new one may at least read and write it.
    """
    try:
        old = replaced.lstat()
    except FileNotFoundError:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        if mode & _PRIVATE != _PRIVATE:
            os.fchmod(descriptor, mode | _PRIVATE)
        return
    mode = _PRIVATE if private else old.st_mode & 0o777
    new = os.fstat(descriptor)
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        try:
            os.fchown(descriptor, old.st_uid, old.st_gid)
        except PermissionError:
            try:
                os.fchown(descriptor, -1, old.st_gid)
            except PermissionError:
                mode &= ~0o070  # the rights of the old group are not for another one
    os.fchmod(descriptor, mode)


def sync_directory(path: Path) -> None:
    """Write the names in the directory ``path`` to its disk; raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file_system(path: Path) -> None:
    """Write everything in the file system of ``path`` to its disk; raises OSError.

    On a host that cannot sync a single file system, this syncs all of them.
    """
    import ctypes

    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        os.sync()
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(descriptor)
