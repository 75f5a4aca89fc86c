"""The regular files of a folder, in which other users may put links, pipes and devices."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from imgadm.base.files.opening import kind_of, open_regular


class _NotPlainError(OSError):
    """A name in the folder that does not lead to a regular file of the folder."""


@dataclass(frozen=True, slots=True)
class PlainFile:
    """A regular file in the folder; ``name`` is its own, even if a link has led to it."""

    name: str
    status: os.stat_result


@dataclass(frozen=True, slots=True)
class FolderContent:
    """The content of a folder.

    ``files`` are the regular files by the names that lead to them, ``others`` the reasons why other
    names do not lead to one.
    """

    files: dict[str, PlainFile]
    others: dict[str, str]


def look_at(folder: Path) -> FolderContent:
    """Return the content of ``folder``; raises :class:`OSError` if it cannot be read.

    A symbolic link to a name in the same folder leads to the file of that name.
    """
    found = FolderContent({}, {})
    with _opened(folder) as descriptor:
        for name in os.listdir(descriptor):  # noqa: PTH208 - of this very folder
            try:
                found.files[name] = _file(descriptor, name)
            except FileNotFoundError:  # it has just gone
                continue
            except _NotPlainError as error:
                found.others[name] = str(error)
    return found


def open_plain(path: Path) -> BinaryIO:
    """Open the regular file at ``path`` for reading, and follow no link in its place.

    Never waits for another program, as opening a pipe would. Raises :class:`OSError`.
    """
    with _opened(path.parent) as folder:
        return os.fdopen(open_regular(path.name, dir_fd=folder), "rb", buffering=0)


def read_plain(path: Path, limit: int) -> bytes:
    """Return the first ``limit`` bytes of the regular file at ``path``; raises OSError."""
    with open_plain(path) as file:
        content = b""
        while len(content) < limit and (piece := file.read(limit - len(content))):
            content += piece
        return content


def _file(folder: int, name: str) -> PlainFile:
    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode):
        target = os.readlink(name, dir_fd=folder)
        if "/" in target or target in ("", ".", ".."):
            raise _NotPlainError("it is a symbolic link, and not to a name in the same folder")
        name = target
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            raise _NotPlainError("it is a symbolic link to another one")
    if not stat.S_ISREG(status.st_mode):
        raise _NotPlainError(f"it is {kind_of(status.st_mode)}")
    return PlainFile(name, status)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
