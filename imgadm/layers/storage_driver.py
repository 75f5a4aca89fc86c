"""What AUFS kept for itself in the directories that it was asked to store.

Layers of its time have it: ``.wh..wh.aufs``, ``.wh..wh.plnk`` and ``.wh..wh.orph``. Nothing of that
is part of an image, but the files in ``.wh..wh.plnk`` may be what hard links of the layer are to.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from imgadm.layers import whiteouts
from imgadm.layers.archive.entry import ArchiveEntry, EntryKind
from imgadm.layers.limits import Limits
from imgadm.layers.paths import components, join
from imgadm.layers.tree.aside import Aside
from imgadm.layers.tree.creation import Creation, NoTargetError
from imgadm.layers.tree.tree import Directory

_MOST_STEPS = 16
"""Hard links among themselves that are followed."""


@dataclass(slots=True)
class _Kept:
    """A file that is kept; ``place`` is the path that it was given first, if any."""

    entry: ArchiveEntry
    stored: bytes
    place: bytes | None = None


class DriverFiles:
    """Files of such directories, for the hard links that are to them."""

    def __init__(self, aside: Aside, creation: Creation, limits: Limits) -> None:
        self._aside = aside
        self._creation = creation
        self._limits = limits
        self._files: dict[tuple[bytes, ...], _Kept] = {}
        # Those that are hard links themselves, to what they are to.
        self._links: dict[tuple[bytes, ...], bytes] = {}

    def keep(self, parts: list[bytes], entry: ArchiveEntry, data: Iterable[memoryview]) -> None:
        """Keep a file, or what a hard link is to; nothing else counts. Raises OSError."""
        if len(self._files) + len(self._links) >= self._limits.driver_files:
            return
        if entry.kind is EntryKind.HARD_LINK:
            self._links[tuple(parts)] = entry.target
        elif entry.kind is EntryKind.FILE:
            if (old := self._files.get(tuple(parts))) is not None:
                self._aside.drop(old.stored)
            self._files[tuple(parts)] = _Kept(entry, self._aside.keep(entry, data))

    def link(self, parent: Directory, name: bytes, entry: ArchiveEntry) -> bool:
        """Make a hard link to one of the files; returns False if it is to something else.

        Where it is to a hard link among them, that one's target is made its own. Raises OSError and
        NoTargetError.
        """
        for _ in range(_MOST_STEPS):
            parts = tuple(components(entry.target, entry=entry.name))
            if not parts or not whiteouts.is_driver_s(parts):
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
