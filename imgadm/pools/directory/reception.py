"""A ZFS stream on its way into a directory pool."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgadm.base.errors import FileSystemError
from imgadm.base.locks.locks import remove_dead_locks
from imgadm.pools.directory.access import read_access
from imgadm.pools.directory.contents import DISK, STREAM, accepted_stream
from imgadm.pools.directory.partial import PartialDirectory, remove_partials
from imgadm.pools.directory.record import RECORD, described_stream, write_record
from imgadm.pools.images import InstalledImage
from imgadm.pools.reception import Reception, beginning, size_in_manifest

if TYPE_CHECKING:
    from imgadm import streams
    from imgadm.pools.base import Pool


class DirectoryReception(Reception):
    """A partial directory, which is renamed when every check has passed."""

    def __init__(
        self,
        pool: Pool,
        path: Path,
        manifest: dict[str, Any],
        source: str | None,
        origin: InstalledImage | None,
    ) -> None:
        self._pool = pool
        self._path = path
        self._manifest = manifest
        self._source = source
        access = read_access(path)
        self._partial: PartialDirectory | None = None
        uuid = str(manifest["uuid"])
        with beginning(self.roll_back, f'cannot receive image {uuid} into "{path}"'):
            remove_dead_locks(path)
            remove_partials(path, uuid)
            self._partial = PartialDirectory(path, uuid, access)
            self._stages = self._prepare(self._partial, origin)

    def _prepare(
        self, partial: PartialDirectory, origin: InstalledImage | None
    ) -> tuple[streams.Stage, ...]:
        from imgadm import streams
        from imgadm.pools.disk_copy import copy_disk

        reserve = streams.reserve_of(partial.inside)
        if self._manifest.get("type") != "zvol":
            self._content = STREAM
            return (
                accepted_stream(self._manifest, origin),
                streams.keep_room(partial.inside, reserve),
                streams.write_file(partial.inside / STREAM, replace=False, private=True),
            )
        self._content = DISK
        disk, volume = partial.inside / DISK, None
        if origin is None:
            partial.make_file(DISK)
        else:
            with self._pool.disk(origin) as (below, volume):
                copy_disk(below, disk)
        size = size_in_manifest(self._manifest)
        return (streams.to_raw_disk(disk, origin=volume, size_in_mib=size, reserve=reserve),)

    @property
    def stages(self) -> tuple[streams.Stage, ...]:
        return self._stages

    def commit(self, report: streams.Report) -> None:
        partial = self._partial
        assert partial is not None
        extra = {"stream": described_stream(report.facts["zfs_stream"]), **self.extra}
        try:
            partial.check()
            write_record(partial.inside, self._pool.name, self._manifest, self._source, extra)
            partial.commit(RECORD, self._content)
        except OSError as error:
            action = f'cannot rename to "{partial.final}"'
            raise FileSystemError.from_os_error(action, error) from error

    def roll_back(self) -> None:
        if self._partial is not None:
            self._partial.close()
