"""Files that are replaced whole: a reader sees the old content or the new, also after a crash."""

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
    """Return the content of a small file, as fast as Python can; raises OSError.

    A pipe is not waited for, and counts as empty. Where other users may have put the file there, do
    not ``follow`` a link.
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

    Raises FileSystemError if it is there and cannot be read.
    """
    try:
        return read_small_file(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FileSystemError.from_os_error(f'cannot read "{path}"', error) from error


def make_directory(path: Path) -> None:
    """Create ``path`` and its parents where they are missing; raises FileSystemError.

    Whatever the umask is, their owner may use them, and nobody else may write to them.
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
    if mode & _OWNER != _OWNER:  # an umask that takes everything from everybody
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

    A new file gets ``mode`` less the umask, but its owner may read and write it. A replaced one
    keeps its mode, and its owner and group as far as this process may give files away. What is
    ``private`` gets 0600 in either case. What is there must be a regular file; with ``follow``, a
    symbolic link keeps pointing where it did.
    Two writers at once need a lock around them to not lose one's content. Raises FileSystemError.
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
    """Write all of ``content``; raises OSError."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def remove_durably(path: Path) -> None:
    """Remove ``path`` if it is there; raises FileSystemError."""
    try:
        path.unlink(missing_ok=True)
        if path.parent.is_dir():
            sync_directory(path.parent)
    except OSError as error:
        raise FileSystemError.from_os_error(f'cannot remove "{path}"', error) from error


def _keep_access(descriptor: int, replaced: Path, *, private: bool) -> None:
    """Give a new file the owner, the group and the mode of the one that it is to replace.

    Where there is none, its owner gets it.
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
                mode &= ~0o070  # what the group might do is nothing for another one
    os.fchmod(descriptor, mode)


def sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file_system(path: Path) -> None:
    """Have all that was written to the file system of ``path`` on its disk; raises OSError.

    Where that cannot be asked for by itself, all file systems are synced.
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
