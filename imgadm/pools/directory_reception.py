"""A ZFS stream on its way into a directory pool."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from imgadm.errors import FileSystemError
from imgadm.files import sync_directory
from imgadm.logs import logger
from imgadm.pools.base import InstalledImage
from imgadm.pools.directory_contents import DISK, STREAM
from imgadm.pools.directory_record import described_stream, write_record
from imgadm.pools.reception import Reception, beginning

if TYPE_CHECKING:
    from imgadm import streams
    from imgadm.pools.directory import DirectoryPool


class DirectoryReception(Reception):
    """Received into ``UUID.partial``; renamed when everything is right."""

    def __init__(
        self,
        pool: DirectoryPool,
        manifest: dict[str, Any],
        source: str | None,
        origin: InstalledImage | None,
    ) -> None:
        self._pool = pool
        self._manifest = manifest
        self._source = source
        self._uuid = str(manifest["uuid"])
        self._directory = pool.partial(self._uuid)
        self._committed = False
        self.roll_back()
        with beginning(self.roll_back, f'cannot receive into "{self._directory}"'):
            self._directory.mkdir()
            self._stages = self._prepare(origin)

    def _prepare(self, origin: InstalledImage | None) -> tuple[streams.Stage, ...]:
        from imgadm import streams
        from imgadm.pools.disk_copy import copy_disk

        if self._manifest.get("type") != "zvol":
            return streams.verify_zfs_stream(), streams.write_file(self._directory / STREAM)
        disk = self._directory / DISK
        if origin is None:
            return (streams.to_raw_disk(disk),)
        below, volume = self._pool.disk(origin)
        copy_disk(below, disk)
        return (streams.to_raw_disk(disk, origin=volume),)

    @property
    def stages(self) -> tuple[streams.Stage, ...]:
        return self._stages

    def commit(self, report: streams.Report) -> None:
        extra = {"stream": described_stream(report.facts["zfs_stream"]), **self.extra}
        write_record(self._directory, self._pool.name, self._manifest, self._source, extra)
        final = self._pool.path / self._uuid
        try:
            sync_directory(self._directory)
            self._directory.rename(final)
            sync_directory(self._pool.path)
        except OSError as error:
            raise FileSystemError.from_os_error(f'cannot rename to "{final}"', error) from error
        self._committed = True

    def roll_back(self) -> None:
        import shutil

        if not self._committed:
            shutil.rmtree(self._directory, ignore_errors=True)
            if os.path.lexists(self._directory):
                logger().warning(f'could not remove "{self._directory}"; remove it by hand')
