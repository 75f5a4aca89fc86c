"""The stage that applies one layer to the tree of the layers below it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from imgadm.base.files.open_limit import allow_deep_trees
from imgadm.base.text import excerpt
from imgadm.layers.apply import LayerApplication
from imgadm.layers.archive.reader import Archive
from imgadm.layers.rules.limits import Limits
from imgadm.layers.tree.attributes import Attributes, Ownership
from imgadm.layers.tree.owners import OWNERS_FILE_NAME, OwnersWriter
from imgadm.layers.tree.path_set import PathSet
from imgadm.layers.tree.tree import Tree
from imgadm.streams.codecs.byte_source import ByteSource
from imgadm.streams.engine.stage import Context, Inlet, Outlet, Stage
from imgadm.streams.errors import StreamError


@dataclass(frozen=True)
class Unpacked:
    """The counts of a layer: its entries, whiteouts included, and its uncompressed bytes."""

    entries: int
    archive_bytes: int


class _UnpackLayer(Stage):
    """The stage that :func:`unpack_layer` makes."""

    name = "unpack"
    role = "sink"
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
            made = PathSet()
            tree = Tree(self._root, self._limits, made)
            try:
                attributes = Attributes(self._policy, owners)
                layer = LayerApplication(tree, made, attributes, owners, self._limits)
                self._apply(archive, layer, context)
            except BaseException:
                tree.abandon()
                raise
            tree.close()
        finally:
            owners.close()
        context.notes += archive.notes
        if attributes.refused:
            context.notes.append(
                f"recorded {attributes.refused} extended attributes that cannot be set here, "
                f"the first is {excerpt(attributes.first_refused)}"
            )
        context.facts["unpacked"] = Unpacked(archive.count, context.meter.bytes_in)

    def _apply(self, archive: Archive, layer: LayerApplication, context: Context) -> None:
        cancel = context.cancel
        try:
            for entry in archive.entries():
                cancel.check()
                layer.apply(entry, archive)
            layer.finish()
        except BaseException:
            layer.abandon()
            raise


def unpack_layer(
    root: str | os.PathLike[str],
    *,
    policy: Ownership | None = None,
    owners: str | os.PathLike[str] | None = None,
    limits: Limits | None = None,
) -> Stage:
    """Return a stage that applies the tar archive of one layer to the tree at ``root``.

    ``root`` is a directory that exists. ``policy`` None means the policy that this process may
    follow. ``owners`` is the file that records the attributes that can't be set; None means
    ``owners.jsonl`` beside the root.

    The stage leaves an :class:`Unpacked` as the fact ``unpacked``. It raises LayerError and
    OSError. The files unpacked by then stay, and the caller must remove them.
    """
    place = Path(root)
    return _UnpackLayer(
        place,
        policy=policy or Ownership.of_this_process(),
        owners=place.parent / OWNERS_FILE_NAME if owners is None else Path(owners),
        limits=limits or Limits(),
    )
