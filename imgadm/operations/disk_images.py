"""The disks that become images: opening them, and their manifests and snapshots."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgadm import streams
from imgadm.base.errors import FileSystemError, UsageError
from imgadm.base.text import excerpt
from imgadm.operations.errors import InvalidDiskError
from imgadm.operations.new_manifest import new_manifest

_MIB = 1024 * 1024

_DRIVERS = {"nic_driver": "virtio", "disk_driver": "virtio", "cpu_type": "host"}
"""The default values of the fields about the devices of a machine."""


@dataclass(frozen=True)
class DiskToImage:
    """A disk and how to read it.

    ``location`` is a path or a URL. ``format`` None means that the first bytes tell the format.
    ``block_size`` is the block size of the volume in bytes. None means that of the origin, or the
    default if there is no origin.
    """

    location: str
    format: str | None = None
    block_size: int | None = None


def is_url(location: str) -> bool:
    """Tell whether ``location`` is a URL, not a path."""
    return location.startswith(("http://", "https://"))


@contextmanager
def opened(disk: DiskToImage) -> Iterator[streams.Disk]:
    """Open a disk on this host, close it afterwards; raise an ImgadmError if it can't be read."""
    path = Path(disk.location)
    if not path.exists():
        raise UsageError(f'disk path does not exist: "{path}"')
    try:
        opened_disk = streams.open_disk(path, as_format=disk.format)
    except streams.DiskFormatError as error:
        raise InvalidDiskError(f'cannot read "{path}" as a disk: {error.message}') from error
    except OSError as error:
        raise FileSystemError.from_os_error(f'cannot read the disk "{path}"', error) from error
    with opened_disk:
        yield opened_disk


def disk_manifest(
    fields: Mapping[str, Any], *, origin: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the manifest of an image of a disk, without the size of the disk.

    ``fields`` are those that the operator gives. ``origin`` is the manifest of the image that the
    new one is based on; with it, the new image is incremental. Raises UsageError for a ``type``
    other than ``zvol``.
    """
    if fields.get("type", "zvol") != "zvol":
        raise UsageError(f'a disk becomes an image of type zvol, not "{excerpt(fields["type"])}"')
    below = None
    if origin is not None:
        below = {field: value for field, value in origin.items() if field != "image_size"}
    given = {field: value for field, value in fields.items() if field != "origin"}
    return new_manifest(
        given,
        origin=below,
        incremental=origin is not None,
        defaults={"type": "zvol", **_DRIVERS},
    )


def add_size(manifest: dict[str, Any], volume: streams.RawVolume) -> None:
    """Add the size of the disk in MiB to ``manifest``; raise UsageError if it has another size."""
    size = -(-volume.size // _MIB)
    if manifest.setdefault("image_size", size) != size:
        given = excerpt(manifest["image_size"])
        raise UsageError(f"the disk has {size} MiB, not image_size={given}: leave image_size out")


def new_snapshot(
    uuid: str, disk: DiskToImage, origin: tuple[Path, streams.RawVolume] | None = None
) -> streams.NewSnapshot:
    """Return the snapshot that the stream of the new image ``uuid`` will have.

    ``origin`` is the raw disk and the volume that an incremental image is based on. Raises
    UsageError if the block size of ``disk`` differs from that of the origin.
    """
    block_size = disk.block_size
    if origin is not None:
        wanted = origin[1].block_size
        if block_size not in (None, wanted):
            raise UsageError(
                f"invalid --block-size {block_size}: the origin has blocks of {wanted} bytes, "
                "and an image based on it must have the same"
            )
        block_size = wanted
    return streams.NewSnapshot(
        guid=int.from_bytes(os.urandom(8), "big") | 1,
        block_size=block_size or streams.DEFAULT_BLOCK_SIZE,
        name=f"image/{uuid}@final",
        creation_time=int(time.time()),
        origin=origin,
    )
