"""The records that the storage driver AUFS kept in the directories of a layer.

Layers of its time contain ``.wh..wh.aufs``, ``.wh..wh.plnk`` and ``.wh..wh.orph``. None of them is
part of an image, but hard links of the layer may be to files in ``.wh..wh.plnk``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from imgadm.layers.archive.entry import ArchiveEntry, EntryKind
from imgadm.layers.rules import whiteouts
from imgadm.layers.rules.limits import Limits
from imgadm.layers.rules.paths import components, join
from imgadm.layers.tree.aside import Aside
from imgadm.layers.tree.creation import Creation, NoTargetError
from imgadm.layers.tree.open_directories import Directory

_MOST_STEPS = 16
"""The most hard links in a chain that are followed."""


@dataclass(slots=True)
class _Kept:
    """A file that is kept aside as ``stored``; ``place`` is its first path in the tree, if any."""

    entry: ArchiveEntry
    stored: bytes
    place: bytes | None = None


class DriverFiles:
    """The files in AUFS's own directories, kept for the hard links to them."""

    def __init__(self, aside: Aside, creation: Creation, limits: Limits) -> None:
        self._aside = aside
        self._creation = creation
        self._limits = limits
        self._files: dict[tuple[bytes, ...], _Kept] = {}
        # The targets of the records that are hard links themselves.
        self._links: dict[tuple[bytes, ...], bytes] = {}

    def keep(self, parts: list[bytes], entry: ArchiveEntry, data: Iterable[memoryview]) -> None:
        """Keep a file, or the target of a hard link; ignore other kinds. Raises OSError."""
        if len(self._files) + len(self._links) >= self._limits.driver_files:
            return
        if entry.kind is EntryKind.HARD_LINK:
            self._links[tuple(parts)] = entry.target
        elif entry.kind is EntryKind.FILE:
            if (old := self._files.get(tuple(parts))) is not None:
                self._aside.drop(old.stored)
            self._files[tuple(parts)] = _Kept(entry, self._aside.keep(entry, data))

    def link(self, parent: Directory, name: bytes, entry: ArchiveEntry) -> bool:
        """Make a hard link to one of the files, and return True; return False for other targets.

        If the target is a hard link among these files, the target of ``entry`` becomes that link's
        target. Raises OSError and NoTargetError.
        """
        for _ in range(_MOST_STEPS):
            parts = tuple(components(entry.target, entry=entry.name))
            if not parts or not whiteouts.is_of_driver(parts):
                return False
            if (kept := self._files.get(parts)) is not None:
                self._place(kept, parent, name)
                return True
            if parts not in self._links:
                break
            entry.target = self._links[parts]
        raise NoTargetError(entry)

    def _place(self, kept: _Kept, parent: Directory, name: bytes) -> None:
        if kept.place is None:
            self._creation.place(parent, name, kept.entry, self._aside, kept.stored)
            kept.place = join(parent.path, name)
        else:
            self._creation.place_again(parent, name, self._aside, kept.stored, kept.place)
