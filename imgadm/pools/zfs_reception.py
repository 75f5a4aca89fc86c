"""A ZFS stream on its way into a zpool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imgadm.errors import UnexpectedNumberOfSnapshotsError
from imgadm.pools.reception import Reception
from imgadm.pools.zfs_discovery import names_below
from imgadm.programs import log_program

if TYPE_CHECKING:
    from imgadm import streams
    from imgadm.pools.zfs import ZfsHost


class ZfsReception(Reception):
    """Received as ``POOL/UUID-partial``; renamed when everything is right."""

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
        self._committed = False

    @property
    def stages(self) -> tuple[streams.Stage, ...]:
        from imgadm import streams

        # Left alone, zfs takes any snapshot of the pool with the guid that the stream names: the
        # same stream under another UUID, too.
        options = () if self._origin is None else ("-o", f"origin={self._origin}")
        stage = streams.zfs_receive(
            self._partial, options=options, zfs=self._host.zfs, on_end=log_program
        )
        return (stage,)

    def commit(self, report: streams.Report) -> None:
        self._name_snapshot()
        self._host.database.write(self._pool, self._manifest, self._source, extra=self.extra)
        renamed = self._host.run("rename", self._partial, self._final)
        if renamed.status != 0:
            self._host.database.remove(self._pool, self._uuid)
            renamed.check("error importing")
        self._committed = True

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
