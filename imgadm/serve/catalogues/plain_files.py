"""Regular files in one folder, whatever else somebody puts there, and wherever links lead."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from imgadm.base.files.opening import kind_of, open_regular


class NotPlainError(OSError):
    """There is something, but no regular file in the folder itself."""


@dataclass(frozen=True, slots=True)
class PlainFile:
    """A regular file in the folder. ``name`` is its own, also where a link has led to it."""

    name: str
    status: os.stat_result


@dataclass(frozen=True, slots=True)
class FolderContent:
    """The regular files of a folder by the names that lead to them, and why other names do not."""

    files: dict[str, PlainFile]
    others: dict[str, str]


def look_at(folder: Path) -> FolderContent:
    """Return what is in ``folder``; :class:`OSError` if that can't be told.

    A symbolic link counts for the file that it leads to if it names one of the same folder.
    """
    found = FolderContent({}, {})
    with _opened(folder) as descriptor:
        for name in os.listdir(descriptor):  # noqa: PTH208 - of this very folder
            try:
                found.files[name] = _file(descriptor, name)
            except FileNotFoundError:  # it has just gone
                continue
            except NotPlainError as error:
                found.others[name] = str(error)
    return found


def open_plain(path: Path) -> BinaryIO:
    """Open the regular file at ``path`` for reading; no link in its place is followed.

    Never waits for another program. Raises :class:`OSError`.
    """
    with _opened(path.parent) as folder:
        return os.fdopen(open_regular(path.name, dir_fd=folder), "rb", buffering=0)


def read_plain(path: Path, limit: int) -> bytes:
    """Return the first ``limit`` bytes of the regular file at ``path``; :class:`OSError`."""
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
            raise NotPlainError("it is a symbolic link, and not to a name in the same folder")
        name = target
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            raise NotPlainError("it is a symbolic link to another one")
    if not stat.S_ISREG(status.st_mode):
        raise NotPlainError(f"it is {kind_of(status.st_mode)}")
    return PlainFile(name, status)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
