"""The directory for files that wait for their place in the tree, or get it only by hard links."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable

from imgadm.layers.archive.entry import ArchiveEntry
from imgadm.layers.tree import acls
from imgadm.layers.tree.content import write_content
from imgadm.layers.tree.open_directories import OPEN_DIRECTORY
from imgadm.layers.tree.tree import Tree

_PREFIX = b".wh..wh."
"""The beginning of the directory's name.

The directory is in the root, so that a file can get its place in the tree without a copy. No image
has a name with this beginning. The rest of the name is random, so that no archive can name the
directory, not even on a file system that ignores the case of names.
"""

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PRIVATE = 0o600


class Aside:
    """A directory in the root of ``tree``, which is made when the first file needs it."""

    def __init__(self, tree: Tree) -> None:
        self._root = tree.root
        self._name = _PREFIX + os.urandom(16).hex().encode()
        self._descriptor: int | None = None
        self._count = 0

    @property
    def descriptor(self) -> int:
        """The descriptor of the directory, which is made if it is missing."""
        if self._descriptor is None:
            root = self._root.descriptor
            os.mkdir(self._name, 0o700, dir_fd=root)
            self._descriptor = os.open(self._name, OPEN_DIRECTORY, dir_fd=root)
            if self._root.gives_acls:
                acls.take_away(self._descriptor)
            os.fchmod(self._descriptor, 0o700)
        return self._descriptor

    def keep(self, entry: ArchiveEntry, data: Iterable[memoryview]) -> bytes:
        """Write the content of a file, and return its name in the directory. Raises OSError."""
        self._count += 1
        name = b"%d" % self._count
        descriptor = os.open(name, _NEW_FILE, _PRIVATE, dir_fd=self.descriptor)
        try:
            write_content(descriptor, entry, data)
        finally:
            os.close(descriptor)
        return name

    def drop(self, name: bytes) -> None:
        """Remove the file that :meth:`keep` has named ``name``."""
        os.unlink(name, dir_fd=self.descriptor)

    def remove(self) -> None:
        """Remove the directory and the files that are left in it."""
        if self._descriptor is None:
            return
        with os.scandir(self._descriptor) as found:
            for file in found:
                os.unlink(file.name, dir_fd=self._descriptor)
        self.close()
        os.rmdir(self._name, dir_fd=self._root.descriptor)

    def close(self) -> None:
        """Close the directory without removing it, since the caller will remove the tree."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None
