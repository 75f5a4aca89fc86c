"""A ZFS stream on its way into a zpool.

imgadm takes only files or a disk from a stream. It unpacks a package before ``zfs`` sees it, so the
properties in it have no effect. Before a file system is an image, it is mounted only where no other
user can look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imgadm.base.errors import InternalError
from imgadm.base.programs.programs import log_program, program_environment
from imgadm.pools.reception import (
    Reception,
    UnexpectedNumberOfSnapshotsError,
    beginning,
    size_in_manifest,
)
from imgadm.pools.zpool.discovery import names_below
from imgadm.pools.zpool.mounts import (
    close_to_others,
    make_private_directory,
    remove_private_directory,
)
from imgadm.pools.zpool.properties import HARMLESS, as_options

if TYPE_CHECKING:
    from imgadm import streams
    from imgadm.pools.zpool.host import ZfsHost
    from imgadm.streams.zfs.receivers import StreamKind

_MIB = 1 << 20

_KINDS: dict[object, StreamKind] = {
    "zvol": "zvol",
    "zone-dataset": "zfs",
    "lx-dataset": "zfs",
    "docker": "zfs",
}
"""The kind of dataset in the stream of an image, by its type; other types may have either."""


class ZfsReception(Reception):
    """A dataset ``POOL/UUID-partial``, which is renamed when every check has passed."""

    def __init__(
        self,
        host: ZfsHost,
        pool: str,
        manifest: dict[str, Any],
        source: str | None,
        origin: str | None,
    ) -> None:
        self._host = host
        self._pool = pool
        self._manifest = manifest
        self._source = source
        self._origin = origin
        self._uuid = str(manifest["uuid"])
        self._final = f"{pool}/{self._uuid}"
        self._partial = f"{self._final}-partial"
        self._kind = _KINDS.get(manifest.get("type"))
        self._image_size = size_in_manifest(manifest)
        assert host.mounts is not None
        self._mounts = host.mounts / self._uuid
        self._place = self._mounts / "image"
        # These hold for a file system until it is an image.
        self._settings = (*HARMLESS, f"mountpoint={self._place}")
        self._has_settings = False
        self._committed = False

    @property
    def stages(self) -> tuple[streams.Stage, ...]:
        from imgadm import streams

        plain = streams.plain_zfs_stream(
            kind=self._kind,
            from_guid=0 if self._origin is None else None,
            size_in_mib=self._image_size,
        )
        receive = streams.zfs_receive(
            self._partial,
            options=self._options(),
            zfs=self._host.zfs,
            on_end=log_program,
            environment=program_environment(),
        )
        return plain, receive

    def _options(self) -> list[str]:
        options = ["-u"]
        # If zfs can set them at once, the file system is never without them, even if another
        # program mounts all file systems meanwhile.
        self._has_settings = self._kind == "zfs" and self._host.takes_properties
        if self._has_settings:
            options += as_options(self._settings)
        # Otherwise zfs takes any snapshot of the pool with the guid that the stream names, which
        # an image with the same stream and another UUID has, too.
        if self._origin is not None:
            options += ("-o", f"origin={self._origin}")
        return options

    def commit(self, report: streams.Report) -> None:
        is_volume = report.facts["zfs_stream"].type == "zvol"
        mountable = False
        if is_volume:
            self._check_size()
        else:
            mountable = self._make_harmless()
        self._name_snapshot()
        self._host.database.write(self._pool, self._manifest, self._source, extra=self.extra)
        renamed = self._host.run("rename", self._partial, self._final)
        if renamed.status != 0:
            self._host.database.remove(self._pool, self._uuid)
            renamed.check("error importing")
        self._committed = True
        if mountable:
            self._host.mount(self._final)

    def _check_size(self) -> None:
        if self._image_size is None:
            return
        answer = self._host.run("get", "-H", "-p", "-o", "value", "volsize", self._partial)
        size = answer.check("error importing").stdout.strip()
        if not size.isdecimal() or -(-int(size) // _MIB) != self._image_size:
            raise InternalError(
                f"the volume of image {self._uuid} has {size} bytes, but image_size of its "
                f"manifest is {self._image_size} MiB: one of the two is wrong"
            )

    def _make_harmless(self) -> bool:
        """Close the file system to other users; return whether it may be mounted in its place."""
        if not self._has_settings:
            for setting in self._settings:
                self._change("set", setting)
        with beginning(self.roll_back, f'cannot mount below "{self._mounts}"'):
            make_private_directory(self._mounts)
            closed = close_to_others(self._host, self._partial, self._place)
        self._change("inherit", "mountpoint")
        if not closed:
            self._change("set", "canmount=noauto")
        return closed

    def _change(self, *words: str) -> None:
        self._host.run(*words, self._partial).check("error importing")

    def _name_snapshot(self) -> None:
        listing = self._host.run("list", "-t", "all", "-pHr", "-o", "name", self._partial)
        names = names_below(listing.check("error importing"), self._partial)[1:]
        if len(names) != 1:
            snapshots = [name.removeprefix(self._partial) for name in names]
            raise UnexpectedNumberOfSnapshotsError(self._uuid, snapshots)
        if names[0] != f"{self._partial}@final":
            renamed = self._host.run("rename", "-r", names[0], f"{self._partial}@final")
            renamed.check("error importing")

    def roll_back(self) -> None:
        if not self._committed:
            self._host.destroy_partial(self._partial)
        remove_private_directory(self._mounts)
