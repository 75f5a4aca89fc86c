"""Layers on their way into a zpool: each a clone of the one before, unpacked below ``root/``.

A layer is unpacked into ``POOL/UUID-partial``, which is mounted where only root can look. When it
is whole, it is renamed to ``POOL/UUID``, into which only root can look, too. A layer that arrives
before its turn waits in the dataset ``POOL/UUID-partial-layers``, with the UUID of the image that
the user asked for. That dataset is destroyed at the end.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgadm.base.errors import InternalError
from imgadm.base.signals import signals_held_back
from imgadm.pools.images import InstalledImage
from imgadm.pools.layers import LayerFacts, StoredLayer, make_root_directory
from imgadm.pools.reception import LayerReception, beginning
from imgadm.pools.zpool.mounts import make_private_directory, remove_private_directory
from imgadm.pools.zpool.properties import HARMLESS, as_options

if TYPE_CHECKING:
    from imgadm.pools.zpool.host import ZfsHost

_ROOT = "root"
"""The directory of the file tree, below the mountpoint of the image's dataset."""


class ZfsLayerReception(LayerReception):
    """A reception of layers; see :meth:`imgadm.pools.base.Pool.receive_layers`."""

    def __init__(
        self,
        host: ZfsHost,
        pool: str,
        manifests: Sequence[dict[str, Any]],
        source: str | None,
        base: InstalledImage | None,
    ) -> None:
        self._host = host
        self._pool = pool
        self._manifests = {str(manifest["uuid"]): manifest for manifest in manifests}
        self._source = source
        self._below = None if base is None else base.uuid
        self._pending = list(self._manifests)
        head = self._pending[-1]
        assert host.mounts is not None
        self._mounts = host.mounts / head
        self._store = f"{pool}/{head}-partial-layers"
        self.roll_back()
        with beginning(self.roll_back, f'cannot mount below "{self._mounts}"'):
            make_private_directory(self._mounts)
            self.waiting_room = self._mounts / "layers"
            self._mount_new(
                self._store, self.waiting_room, "create", "compression=off", "sync=disabled"
            )

    def beneath(self) -> Sequence[StoredLayer]:
        return ()

    def find(self, digest: str) -> Path | None:
        return None

    def begin(self, uuid: str | None) -> Path:
        assert uuid is not None
        mountpoint = self._mounts / uuid
        partial = self._partial(uuid)
        root = mountpoint / _ROOT
        if self._below is None:
            self._mount_new(partial, mountpoint, "create", *HARMLESS)
            mountpoint.chmod(0o700)
            make_root_directory(root)
            return root
        final = f"{self._pool}/{self._below}@final"
        self._mount_new(partial, mountpoint, "clone", *HARMLESS, origin=final)
        mountpoint.chmod(0o700)
        if root.is_symlink() or not root.is_dir():
            raise InternalError(
                f'image "{self._below}" has no directory "{_ROOT}", so no layer can be unpacked on '
                "top of it: it was not installed as a layer"
            )
        return root

    def _mount_new(
        self, dataset: str, mountpoint: Path, subcommand: str, *settings: str, origin: str = ""
    ) -> None:
        names = (origin, dataset) if origin else (dataset,)
        options = as_options((f"mountpoint={mountpoint}", *settings))
        made = self._host.run(subcommand, *options, *names)
        made.check("error importing")
        if not os.path.ismount(mountpoint):
            raise InternalError(
                f'"{dataset}" was not mounted at "{mountpoint}": layers can be unpacked only by a '
                "user who may mount file systems, such as root"
            )

    def commit(self, uuid: str, blob: Path, facts: LayerFacts, *, keep: bool) -> None:
        with signals_held_back():
            self._commit(uuid, facts)
        if not keep:
            blob.unlink(missing_ok=True)

    def _commit(self, uuid: str, facts: LayerFacts) -> None:
        partial, final = self._partial(uuid), f"{self._pool}/{uuid}"
        for words in (
            ("unmount", partial),
            ("inherit", "mountpoint", partial),
            ("snapshot", f"{partial}@final"),
        ):
            self._host.run(*words).check("error importing")
        self._host.database.write(
            self._pool, self._manifests[uuid], self._source, extra=facts.record
        )
        renamed = self._host.run("rename", partial, final)
        if renamed.status != 0:
            self._host.database.remove(self._pool, uuid)
            renamed.check("error importing")
        self._pending.remove(uuid)
        self._below = uuid
        self._host.mount(final)

    def commit_root(self) -> None:
        raise InternalError("an image of a zpool always has a root")

    def roll_back(self) -> None:
        for uuid in self._pending:
            self._host.destroy_partial(self._partial(uuid))
        self._host.destroy_partial(self._store)
        remove_private_directory(self._mounts)

    def _partial(self, uuid: str) -> str:
        return f"{self._pool}/{uuid}-partial"
