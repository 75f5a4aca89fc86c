"""Opening what is there, where other users may have put something else.

This module knows nothing of the rest of the product.
"""

from __future__ import annotations

import errno
import os
import stat

_MOST_LINKS = 40
#: Opens a directory that may be searched, if need be without the right to read it.
_SEARCH = (
    getattr(os, "O_PATH", getattr(os, "O_SEARCH", os.O_RDONLY)) | os.O_DIRECTORY | os.O_CLOEXEC
)
_NO_DIRECTORY = {errno.ELOOP, errno.ENOTDIR, errno.EMLINK}
_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def kind_of(mode: int) -> str:
    """Name the kind of file that has this ``st_mode``."""
    return _KINDS.get(stat.S_IFMT(mode), "a regular file")


def open_directory(path: str | os.PathLike[str]) -> int:
    """Return a descriptor of a directory, good for nothing but names relative to it.

    Links on the way are followed, but for those that somebody else has put into a directory that
    everybody may write to; Linux has the same rule as ``fs.protected_symlinks``, where it is on.
    Raises OSError, with ``path`` as its file name.
    """
    text = os.fsdecode(path)
    try:
        return _walk(text)
    except OSError as error:
        raise OSError(error.errno, error.strerror, text) from error


def _walk(text: str) -> int:
    pending = text.split("/")[::-1]
    here = os.open("/" if text.startswith("/") else ".", _SEARCH)
    links = 0
    try:
        while pending:
            name = pending.pop()
            if name in ("", "."):
                continue
            try:
                below = os.open(name, _SEARCH | os.O_NOFOLLOW, dir_fd=here)
            except OSError as error:
                if error.errno not in _NO_DIRECTORY:
                    raise
                links += 1
                if links > _MOST_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from error
                target = _trusted_link(name, here)
                pending += target.split("/")[::-1]
                if not target.startswith("/"):
                    continue
                below = os.open("/", _SEARCH)
            os.close(here)
            here = below
    except BaseException:
        os.close(here)
        raise
    return here


def _trusted_link(name: str, directory: int) -> str:
    link, above = os.stat(name, dir_fd=directory, follow_symlinks=False), os.fstat(directory)
    if not stat.S_ISLNK(link.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    if above.st_mode & stat.S_IWOTH and link.st_uid not in (os.geteuid(), above.st_uid):
        raise PermissionError(
            errno.EACCES,
            f'"{name}" is a symbolic link of user {link.st_uid} in a directory that everybody may '
            "write to, and is not followed",
        )
    return os.readlink(name, dir_fd=directory)


def open_regular(
    name: str | os.PathLike[str], flags: int = os.O_RDONLY, *, dir_fd: int | None = None
) -> int:
    """Open a regular file that is there, not through a link; never waits for a named pipe.

    Raises OSError; EINVAL says what is there instead.
    """
    flags |= os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(name, flags, dir_fd=dir_fd)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO):
            raise _no_regular_file(
                os.stat(name, dir_fd=dir_fd, follow_symlinks=False), name
            ) from error
        raise
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise _no_regular_file(status, name)
    return descriptor


def _no_regular_file(status: os.stat_result, name: str | os.PathLike[str]) -> OSError:
    number = errno.EISDIR if stat.S_ISDIR(status.st_mode) else errno.EINVAL
    reason = f"there is {kind_of(status.st_mode)}, and a regular file is wanted"
    return OSError(number, reason, os.fsdecode(name))


def is_same_file(status: os.stat_result, name: str, directory: int) -> bool:
    """Tell whether ``name`` in a directory is, itself and not through a link, this file."""
    try:
        return os.path.samestat(status, os.stat(name, dir_fd=directory, follow_symlinks=False))
    except FileNotFoundError:
        return False
