"""The stage that applies one layer to the tree of those below it."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from imgadm.layers import whiteouts
from imgadm.layers.archive import Archive
from imgadm.layers.attributes import Attributes, Ownership
from imgadm.layers.creation import Creation
from imgadm.layers.entry import Entry, Kind
from imgadm.layers.errors import LayerError, shown
from imgadm.layers.limits import Limits
from imgadm.layers.owners import FILE_NAME, OwnersWriter
from imgadm.layers.path_set import PathSet
from imgadm.layers.paths import components, join
from imgadm.layers.removal import Removal
from imgadm.layers.tree import Tree
from imgadm.open_files import allow_deep_trees
from imgadm.streams.decoders.source import ByteSource
from imgadm.streams.errors import StreamError
from imgadm.streams.stage import Context, Inlet, Outlet, Stage

#: What the kernels say of a name that is to blame itself, and of anything else that is.
_BAD_NAME = {errno.ENAMETOOLONG, errno.EILSEQ}
_BAD_ENTRY = {errno.EFBIG, errno.EINVAL, errno.EMLINK, errno.EOVERFLOW}


@dataclass(frozen=True)
class Unpacked:
    """What a layer had: entries, whiteouts among them, and bytes of the archive."""

    entries: int
    archive_bytes: int


class UnpackLayer(Stage):
    """See :func:`unpack_layer`."""

    name = "unpack"
    judges_content = True

    def __init__(
        self,
        root: Path,
        *,
        policy: Ownership,
        owners: Path,
        limits: Limits,
    ) -> None:
        self._root = root
        self._policy = policy
        self._owners = owners
        self._limits = limits

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        allow_deep_trees()
        archive = Archive(ByteSource(inlet.views()), self._limits)
        try:
            owners = OwnersWriter(self._owners, real=self._policy is Ownership.REAL)
        except ValueError as error:
            raise StreamError(str(error)) from None
        try:
            tree = Tree(self._root, self._limits)
            try:
                self._apply(archive, tree, owners, context)
            except BaseException:
                tree.abandon()
                raise
            tree.close()
        finally:
            owners.close()

    def _apply(self, archive: Archive, tree: Tree, owners: OwnersWriter, context: Context) -> None:
        attributes = Attributes(self._policy, owners)
        layer = _Layer(tree, attributes, owners)
        cancel = context.cancel
        for entry in archive.entries():
            cancel.check()
            try:
                layer.apply(entry, archive)
            except OSError as error:
                raise _explained(error, entry) from error
        if attributes.refused:
            context.notes.append(
                f"recorded {attributes.refused} extended attributes that cannot be set here, "
                f"the first is {shown(attributes.first_refused)}"
            )
        context.facts["unpacked"] = Unpacked(archive.count, context.meter.bytes_in)


class _Layer:
    """One layer on its way into the tree."""

    def __init__(self, tree: Tree, attributes: Attributes, owners: OwnersWriter) -> None:
        self._tree = tree
        self._made = PathSet()
        self._removal = Removal(tree, owners, self._made)
        self._creation = Creation(tree, attributes, owners, self._removal)

    def apply(self, entry: Entry, archive: Archive) -> None:
        parts = components(entry.name, entry=entry.name)
        if not parts:
            self._apply_root(entry)
        elif b".wh." in entry.name and any(map(whiteouts.is_marker, parts)):
            self._apply_whiteout(parts, entry)
        else:
            name = parts.pop()
            parent = self._tree.directory(parts, make=True, entry=entry.name)
            assert parent is not None
            self._creation.make(parent, name, entry, archive.data())
            self._made.add(join(parent.path, name))

    def _apply_root(self, entry: Entry) -> None:
        if not entry.name:
            raise LayerError("name", "an entry has no name")
        if entry.kind is not Kind.DIRECTORY:
            raise LayerError(
                "name", f"the image itself would become a {entry.kind.value}", entry=entry.name
            )
        self._creation.describe_root(entry)

    def _apply_whiteout(self, parts: list[bytes], entry: Entry) -> None:
        if any(map(whiteouts.is_aufs, parts[:-1])):
            return
        *above, name = parts
        if any(map(whiteouts.is_marker, above)):
            raise LayerError("name", "it is in a directory of a whiteout's name", entry=entry.name)
        hidden = whiteouts.hidden_by(name, entry=entry.name)
        if hidden is None:
            return
        parent = self._tree.directory(above, make=False, entry=entry.name)
        if parent is None:
            return
        if hidden == whiteouts.EVERYTHING:
            self._removal.hide_contents(parent)
        else:
            self._removal.hide(parent, hidden)


def _explained(error: OSError, entry: Entry) -> Exception:
    """The error with the name of the entry, and blaming the archive where that is to blame."""
    if error.errno in _BAD_NAME:
        return LayerError("name", "the file system takes no such name", entry=entry.name)
    reason = os.strerror(error.errno or 0)
    if error.errno in _BAD_ENTRY:
        return LayerError(
            "unsupported",
            f"the file system takes no such {entry.kind.value}: {reason}",
            entry=entry.name,
        )
    return OSError(error.errno, reason, shown(entry.name))


def unpack_layer(
    root: str | os.PathLike[str],
    *,
    policy: Ownership | None = None,
    owners: str | os.PathLike[str] | None = None,
    limits: Limits | None = None,
) -> Stage:
    """Apply the tar archive of one layer to the tree at ``root``, a directory that exists.

    ``policy`` None: as this process may. ``owners`` is the file for what could not be set, None:
    ``owners.jsonl`` beside the root.

    Leaves :class:`Unpacked` as the fact ``unpacked``. Raises LayerError and OSError; what has been
    unpacked by then stays, for the caller to remove.
    """
    place = Path(root)
    return UnpackLayer(
        place,
        policy=policy or Ownership.of_this_process(),
        owners=place.parent / FILE_NAME if owners is None else Path(owners),
        limits=limits or Limits(),
    )
