"""Files that are replaced whole: a reader sees the old content or the new, also after a crash."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from imgadm.errors import FileSystemError

_PIECE = 64 * 1024


def read_file(path: Path | str) -> bytes:
    """Return the content of a small file, as fast as Python can; raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        content = b""
        while piece := os.read(descriptor, _PIECE):
            content += piece
        return content
    finally:
        os.close(descriptor)


def read_or_none(path: Path | str) -> bytes | None:
    """Return the content of ``path``, None if there is no such file.

    Raises FileSystemError if it is there and cannot be read.
    """
    try:
        return read_file(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FileSystemError.from_os_error(f'cannot read "{path}"', error) from error


def make_directory(path: Path) -> None:
    """Create ``path`` and its parents where they are missing; raises FileSystemError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileSystemError.from_os_error(f'cannot create directory "{path}"', error) from error


def write_atomically(path: Path, content: bytes) -> None:
    """Replace ``path`` by ``content``, durably; on failure the old file stays.

    A new file gets mode 0666 less the umask, a replaced one keeps its mode; a symbolic link keeps
    pointing where it did. Two writers at once need a lock around them to not lose one's content.
    Raises FileSystemError.
    """
    target = Path(os.path.realpath(path))
    make_directory(target.parent)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        try:
            _write_durably(temporary, content, mode=_mode_of(target))
            temporary.replace(target)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
            raise
        sync_directory(target.parent)
    except OSError as error:
        raise FileSystemError.from_os_error(f'cannot write "{path}"', error) from error


def remove_durably(path: Path) -> None:
    """Remove ``path`` if it is there; raises FileSystemError."""
    try:
        path.unlink(missing_ok=True)
        if path.parent.is_dir():
            sync_directory(path.parent)
    except OSError as error:
        raise FileSystemError.from_os_error(f'cannot remove "{path}"', error) from error


def _mode_of(path: Path) -> int | None:
    try:
        return path.stat().st_mode & 0o777
    except FileNotFoundError:
        return None


def _write_durably(path: Path, content: bytes, *, mode: int | None) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o666 if mode is None else mode), "wb") as file:
        if mode is not None:
            os.fchmod(file.fileno(), mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
