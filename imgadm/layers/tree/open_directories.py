"""The open directories of the tree, of which none is outside of the root.

Every directory is opened relative to the descriptor of the one above it and without following
links.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from dataclasses import dataclass

from imgadm.layers.rules.paths import join
from imgadm.layers.tree import acls

OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK

MOST_OPEN_DIRECTORIES = 64
"""The number of directories that stay open, besides the root."""


@dataclass(slots=True)
class Directory:
    """An open directory of the tree, at the real path ``path`` below the root.

    ``times`` are the access and modification times, in nanoseconds, that the directory gets when it
    is closed, so that making files in it does not change them. ``depth`` is the number of
    directories above it. ``gives_acls`` tells whether new files in it get an access control list
    from it (:mod:`.acls`).
    """

    path: bytes
    descriptor: int
    times: tuple[int, int]
    depth: int
    gives_acls: bool


class OpenDirectories:
    """The directories of a tree by their real paths below the root; not for several threads.

    The root stays open, and so do the directories that were used last.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.root = _directory(b"", descriptor, depth=0)
        self._open: OrderedDict[bytes, Directory] = OrderedDict()

    def opened(self, parent: Directory, name: bytes) -> Directory:
        """Return the directory ``name`` in ``parent``. Raises OSError, for a link as well."""
        path = join(parent.path, name)
        if (known := self._cached(path)) is not None:
            return known
        descriptor = os.open(name, OPEN_DIRECTORY, dir_fd=parent.descriptor)
        opened = _directory(path, descriptor, depth=parent.depth + 1)
        self._open[path] = opened
        if len(self._open) > MOST_OPEN_DIRECTORIES:
            self._close(self._open.popitem(last=False)[1])
        return opened

    def at(self, path: bytes) -> Directory:
        """Return the directory at a real path. Raises OSError."""
        return self._reopen(path.split(b"/") if path else [])

    def is_directory(self, path: bytes) -> bool:
        """Tell whether there is a directory at a real path."""
        try:
            self.at(path)
        except OSError:
            return False
        return True

    def forget(self, path: bytes) -> None:
        """Close the directories at and below ``path``, which the caller has removed."""
        below = path + b"/"
        gone = [known for known in self._open if known == path or known.startswith(below)]
        for known in gone:
            os.close(self._open.pop(known).descriptor)

    def set_times(self, path: bytes, times: tuple[int, int]) -> None:
        """Set the times that the directory at ``path`` gets when it is closed, if it is open."""
        if (known := self._open.get(path)) is not None:
            known.times = times

    def close(self) -> None:
        """Give every directory its times, and close it."""
        try:
            while self._open:
                self._close(self._open.popitem()[1])
        except BaseException:
            self.abandon()
            raise
        self._close(self.root)

    def abandon(self) -> None:
        """Close every directory without setting its times, since the tree will not be kept."""
        for directory in (self.root, *self._open.values()):
            os.close(directory.descriptor)
        self._open.clear()

    def _close(self, directory: Directory) -> None:
        try:
            os.utime(directory.descriptor, ns=directory.times)
        finally:
            os.close(directory.descriptor)

    def _cached(self, path: bytes) -> Directory | None:
        known = self._open.get(path)
        if known is not None:
            self._open.move_to_end(path)
        return known

    def _reopen(self, parts: list[bytes]) -> Directory:
        here = self._cached(b"/".join(parts)) or self.root
        for part in parts if here is self.root else ():
            here = self.opened(here, part)
        return here


def _directory(path: bytes, descriptor: int, *, depth: int) -> Directory:
    status = os.fstat(descriptor)
    times = (status.st_atime_ns, status.st_mtime_ns)
    return Directory(path, descriptor, times, depth, acls.are_given_by(descriptor))
