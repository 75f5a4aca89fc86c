"""Creation of an image from a disk in a file, on any host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgadm import streams
from imgadm.base.errors import UsageError
from imgadm.base.locks.command_locks import Locks
from imgadm.base.patterns import check_uuid
from imgadm.machines.errors import MaxOriginDepthError
from imgadm.manifest import check_manifest
from imgadm.operations.creating.plan_image import WantedImage
from imgadm.operations.creating.save_image import Destination
from imgadm.operations.disk_images import DiskToImage, add_size, disk_manifest, new_snapshot, opened
from imgadm.operations.errors import OriginNotInstalledError
from imgadm.operations.events import creating as events
from imgadm.operations.events.event import LockAwaited, OnEvent
from imgadm.operations.listing.installed_ancestry import installed_ancestry
from imgadm.pools.base import Pool
from imgadm.pools.images import InstalledImage


@dataclass(frozen=True)
class CreateDiskOptions:
    """The disk, the wanted image, and the locks of this run."""

    disk: DiskToImage
    wanted: WantedImage
    locks: Locks


def create_disk_image(
    open_pool: Callable[[], Pool],
    options: CreateDiskOptions,
    destination: Destination,
    on_event: OnEvent,
) -> None:
    """Make an image of a disk and hand it to ``destination``; the disk is only read.

    An incremental image has the differences from the image that the field ``origin`` names, which
    is installed on the pool that ``open_pool`` returns. Raises an ImgadmError for any failure.
    """
    with opened(options.disk) as disk, _origin(open_pool, options, on_event) as origin:
        manifest = disk_manifest(
            options.wanted.fields, origin=None if origin is None else origin.image.manifest
        )
        snapshot = new_snapshot(
            str(manifest["uuid"]), options.disk, None if origin is None else origin.disk
        )
        add_size(manifest, snapshot.volume(disk.size))
        on_event(events.ManifestMade(manifest))
        check_manifest(manifest)
        with destination.ready(manifest) as delivery:
            delivery.take(
                streams.from_disk(disk, snapshot), name=str(disk.path), guid=str(snapshot.guid)
            )


@dataclass(frozen=True)
class _Origin:
    image: InstalledImage
    disk: tuple[Path, streams.RawVolume]


@contextmanager
def _origin(
    open_pool: Callable[[], Pool], options: CreateDiskOptions, on_event: OnEvent
) -> Iterator[_Origin | None]:
    """Yield the installed image that the new one is based on, and hold its lock meanwhile."""
    wanted = options.wanted
    named: Any = wanted.fields.get("origin")
    if not wanted.incremental:
        if named is not None:
            raise UsageError("origin=UUID needs -i: without -i the image contains the whole disk")
        yield None
        return
    if named is None:
        raise UsageError(
            "-i needs origin=UUID, the installed image that the disk was made from, to tell what "
            "has changed"
        )
    uuid = check_uuid(named)
    pool = open_pool()
    with options.locks.image(
        pool,
        uuid,
        shared=True,
        on_wait=lambda holder: on_event(LockAwaited(uuid, holder)),
    ):
        image = pool.get(uuid)
        if image is None:
            raise OriginNotInstalledError(uuid, pool.name)
        with pool.disk(image) as disk:
            if wanted.max_origin_depth is not None:
                chain = installed_ancestry(pool, uuid)
                if len(chain) > wanted.max_origin_depth:
                    raise MaxOriginDepthError(wanted.max_origin_depth)
            on_event(events.Inheriting(image.manifest))
            yield _Origin(image, disk)
