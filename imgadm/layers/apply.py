"""The application of one layer's entries to the tree of the layers below it.

The meaning of an entry does not depend on its position in the archive. A whiteout hides files of
lower layers, and never goes through a link of its own layer. A name that goes through a link of a
lower layer goes to the target of the link, unless the layer replaces that link. Because the entry
that does so may come later, entries with such names are put off to the end.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from dataclasses import dataclass

from imgadm.base.text import excerpt
from imgadm.layers.archive.entry import ArchiveEntry, EntryKind
from imgadm.layers.archive.reader import Archive
from imgadm.layers.aufs import DriverFiles
from imgadm.layers.rules import whiteouts
from imgadm.layers.rules.errors import LayerError
from imgadm.layers.rules.limits import Limits
from imgadm.layers.rules.paths import components, join
from imgadm.layers.tree.aside import Aside
from imgadm.layers.tree.attributes import Attributes
from imgadm.layers.tree.creation import Creation, NoTargetError
from imgadm.layers.tree.open_directories import Directory
from imgadm.layers.tree.owners import OwnersWriter
from imgadm.layers.tree.path_set import PathSet
from imgadm.layers.tree.removal import Removal
from imgadm.layers.tree.tree import LinkRules, LowerLinkError, LowerObstacleError, Tree

_BAD_NAME = {errno.ENAMETOOLONG, errno.EILSEQ}
"""The errors of kernels for a name that is itself at fault."""

_BAD_ENTRY = {errno.EFBIG, errno.EINVAL, errno.EMLINK, errno.EOVERFLOW}
"""The errors of kernels for another property of an entry that is at fault."""

_ENTRY_BYTES = 500
"""The rough number of bytes of memory that an entry that is put off takes, without its names."""

_OWN_LINKS, _ALL_LINKS = LinkRules(lower=False, own=True), LinkRules(lower=True, own=True)


@dataclass(slots=True)
class _PutOff:
    """An entry that waits for the end of the layer.

    Its path goes through ``link``, the path of a link of a lower layer. If ``link`` is empty, it is
    a hard link whose target does not exist yet. ``parts`` are the components of its name.
    ``stored`` is the name under which its content is kept aside.
    """

    entry: ArchiveEntry
    parts: list[bytes]
    link: bytes
    stored: bytes | None = None


class LayerApplication:
    """A layer whose entries are applied in the order of the archive, and some at its end."""

    def __init__(
        self,
        tree: Tree,
        made: PathSet,
        attributes: Attributes,
        owners: OwnersWriter,
        limits: Limits,
    ) -> None:
        self._tree = tree
        self._made = made
        self._limits = limits
        self._removal = Removal(tree, owners, made)
        self._creation = Creation(tree, attributes, owners, self._removal)
        self._aside = Aside(tree)
        self._driver_files = DriverFiles(self._aside, self._creation, limits)
        self._marks: list[_PutOff] = []
        self._entries: list[_PutOff] = []
        self._put_off_bytes = 0
        # True once the entries that are put off needed too much memory. From then on, names go
        # through links of lower layers at once, and the layer may not replace such links.
        self._lower_links_stay = False

    def apply(self, entry: ArchiveEntry, archive: Archive) -> None:
        """Apply one entry, or put it off. Raises LayerError and OSError."""
        try:
            parts = components(entry.name, entry=entry.name)
            if not parts:
                self._apply_root(entry)
            elif b".wh." in entry.name and any(map(whiteouts.is_marker, parts)):
                self._apply_marked(_PutOff(entry, parts, b""), archive)
            else:
                self._apply_unmarked(_PutOff(entry, parts, b""), archive)
        except OSError as error:
            raise _explained(error, entry) from error
        if self._put_off_bytes > self._limits.put_off_bytes:
            self._settle()
            self._lower_links_stay = True

    def finish(self) -> None:
        """Apply the entries that were put off. Raises LayerError and OSError."""
        self._settle()
        self._aside.remove()

    def abandon(self) -> None:
        """Close the files kept aside; the caller will remove the tree."""
        self._aside.close()

    def _settle(self) -> None:
        for mark in self._marks:
            if mark.link not in self._made:
                try:
                    self._hide(mark, LinkRules(lower=True, own=False))
                except OSError as error:
                    raise _explained(error, mark.entry) from error
        settled = PathSet()
        for item in self._entries:
            # If the layer has replaced the link by a directory, the entries behind it are made in
            # that. If it has replaced the link by anything else, they are gone.
            stays = item.link not in self._made or self._tree.is_directory(item.link)
            try:
                if stays:
                    self._make(item, (), _ALL_LINKS, settled)
                if item.stored is not None:
                    self._aside.drop(item.stored)
            except OSError as error:
                raise _explained(error, item.entry) from error
        self._marks, self._entries, self._put_off_bytes = [], [], 0

    def _apply_root(self, entry: ArchiveEntry) -> None:
        if entry.kind is not EntryKind.DIRECTORY:
            raise LayerError(
                "name", f"the image itself would become a {entry.kind.value}", entry=entry.name
            )
        self._creation.describe_root(entry)

    def _apply_marked(self, item: _PutOff, archive: Archive) -> None:
        entry = item.entry
        *above, name = item.parts
        if whiteouts.is_of_driver(item.parts):
            self._driver_files.keep(item.parts, entry, archive.data())
            return
        if any(map(whiteouts.is_marker, above)):
            raise LayerError("name", "it is in a directory of a whiteout's name", entry=entry.name)
        whiteouts.hidden_by(name, entry=entry.name)
        try:
            self._hide(item, LinkRules(lower=self._lower_links_stay, own=False))
        except LowerLinkError as way:
            item.link = way.path
            self._marks.append(item)
            self._count(item)

    def _hide(self, item: _PutOff, links: LinkRules) -> None:
        *above, name = item.parts
        entry = item.entry.name
        parent = self._tree.directory(above, make=False, entry=entry, links=links)
        if parent is None:
            return
        hidden = whiteouts.hidden_by(name, entry=entry)
        if hidden == whiteouts.EVERYTHING:
            self._removal.hide_contents(parent)
        else:
            self._removal.hide(parent, hidden)

    def _apply_unmarked(self, item: _PutOff, archive: Archive) -> None:
        entry = item.entry
        try:
            links = _ALL_LINKS if self._lower_links_stay else _OWN_LINKS
            self._make(item, archive.data(), links)
            return
        except LowerLinkError as way:
            item.link = way.path
        except NoTargetError:
            # The target may have been put off itself.
            if not self._entries:
                raise
        if entry.kind is EntryKind.FILE:
            item.stored = self._aside.keep(entry, archive.data())
        self._entries.append(item)
        self._count(item)

    def _count(self, item: _PutOff) -> None:
        entry = item.entry
        values = sum(len(name) + len(value) for name, value in entry.xattrs.items())
        regions = 100 * len(entry.regions or ())
        self._put_off_bytes += (
            _ENTRY_BYTES + 2 * len(entry.name) + len(entry.target) + values + regions
        )

    def _make(
        self,
        item: _PutOff,
        data: Iterable[memoryview],
        links: LinkRules,
        settled: PathSet | None = None,
    ) -> None:
        """Make the file that an entry describes.

        ``settled`` is given for entries that were put off: the paths that such entries have made so
        far. The entry is ignored if a later entry of the layer has made something at its path.
        """
        *above, name = item.parts
        entry = item.entry
        parent = self._directory(above, entry, links)
        path = join(parent.path, name)
        if settled is not None:
            if path in self._made and path not in settled:
                return
            settled.add(path)
        elif self._lower_links_stay and path in self._tree.followed:
            raise LayerError(
                "limit",
                "it replaces a link of a lower layer, and too many names have gone through such "
                "links before it",
                entry=entry.name,
            )
        if item.stored is not None:
            self._creation.place(parent, name, entry, self._aside, item.stored)
        elif entry.kind is not EntryKind.HARD_LINK or not self._driver_files.link(
            parent, name, entry
        ):
            self._creation.make(parent, name, entry, data, links=links)
        self._made.add(path)

    def _directory(self, parts: list[bytes], entry: ArchiveEntry, links: LinkRules) -> Directory:
        """Return the directory at ``parts``; it replaces any file of a lower layer on the way."""
        while True:
            try:
                found = self._tree.directory(parts, make=True, entry=entry.name, links=links)
            except LowerObstacleError as obstacle:
                above, _, name = obstacle.path.rpartition(b"/")
                self._removal.replace(self._tree.at(above), name)
                continue
            assert found is not None
            return found


def _explained(error: OSError, entry: ArchiveEntry) -> Exception:
    """Return the error with the name of the entry, a LayerError if the archive is at fault."""
    if error.errno in _BAD_NAME:
        return LayerError("name", "the file system takes no such name", entry=entry.name)
    reason = os.strerror(error.errno or 0)
    if error.errno in _BAD_ENTRY:
        return LayerError(
            "unsupported",
            f"the file system takes no such {entry.kind.value}: {reason}",
            entry=entry.name,
        )
    return OSError(error.errno, reason, excerpt(entry.name))
