"""The opening of files and directories where other users may have put something else."""

from __future__ import annotations

import errno
import os
import re
import stat

_MOST_LINKS = 40
_SEARCH = (
    getattr(os, "O_PATH", getattr(os, "O_SEARCH", os.O_RDONLY)) | os.O_DIRECTORY | os.O_CLOEXEC
)
"""The flags that open a directory that may be searched, even one that may not be read."""

_PINNED = re.compile(r"/proc/self/fd/[0-9]+(?=/|\Z)")
"""The path of an open directory for the process that has it open, on Linux and illumos."""

NO_DIRECTORY = {errno.ELOOP, errno.ENOTDIR, errno.EMLINK}
"""The errors of kernels that find a link, or anything else, instead of a directory."""

_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def kind_of(mode: int) -> str:
    """Return what messages call a file with the ``st_mode`` ``mode``, with an article."""
    return _KINDS.get(stat.S_IFMT(mode), "a regular file")


def open_directory(path: str | os.PathLike[str]) -> int:
    """Return a descriptor of a directory, to be used only for names relative to it.

    Links on the way are followed, except links of other users in a directory that everybody may
    write to. Linux has the same rule if ``fs.protected_symlinks`` is on. Raises OSError, with
    ``path`` as its file name.
    """
    text = os.fsdecode(path)
    try:
        return _walk(text)
    except OSError as error:
        raise OSError(error.errno, error.strerror, text) from error


def _walk(text: str) -> int:
    pinned = _PINNED.match(text)
    if pinned is not None:
        here, text = os.open(pinned[0], _SEARCH), text[pinned.end() :]
    else:
        here = os.open("/" if text.startswith("/") else ".", _SEARCH)
    pending = text.split("/")[::-1]
    links = 0
    try:
        while pending:
            name = pending.pop()
            if name in ("", "."):
                continue
            try:
                below = os.open(name, _SEARCH | os.O_NOFOLLOW, dir_fd=here)
            except OSError as error:
                if error.errno not in NO_DIRECTORY:
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
    target = os.readlink(name, dir_fd=directory)
    now = os.stat(name, dir_fd=directory, follow_symlinks=False)
    if (now.st_dev, now.st_ino, now.st_ctime_ns) != (link.st_dev, link.st_ino, link.st_ctime_ns):
        raise PermissionError(errno.EACCES, f'"{name}" is being replaced by another process')
    return target


def pinned_path(descriptor: int, path: str | os.PathLike[str]) -> str:
    """Return a path that leads to an open file or directory even after it was renamed.

    The path is one in ``/proc``, and valid while ``descriptor`` is open. On a host without such
    paths it is ``path``, under which the file was opened.
    """
    pinned = f"/proc/self/fd/{descriptor}"
    try:
        if os.path.samestat(os.stat(pinned), os.fstat(descriptor)):  # noqa: PTH116  no Path
            return pinned
    except OSError:
        pass
    return os.fsdecode(path)


def open_regular(
    name: str | os.PathLike[str], flags: int = os.O_RDONLY, *, dir_fd: int | None = None
) -> int:
    """Return a descriptor of an existing regular file, never opened through a link.

    This never waits for a named pipe. Raises OSError; the text of EINVAL says what is there
    instead of a regular file.
    """
    flags |= os.O_NONBLOCK | os.O_CLOEXEC
    if not _PINNED.fullmatch(os.fsdecode(name)):
        flags |= os.O_NOFOLLOW
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
    """Tell whether ``name`` in ``directory`` is the file with ``status``, and no link to it.

    ``directory`` is a descriptor. Raises OSError.
    """
    try:
        return os.path.samestat(status, os.stat(name, dir_fd=directory, follow_symlinks=False))
    except FileNotFoundError:
        return False
