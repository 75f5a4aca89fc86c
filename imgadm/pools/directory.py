"""A directory as a pool of images: the embedded pool, for hosts without ZFS.

POOL/UUID/image.json    the record, and what an incremental image must know of this one
POOL/UUID/disk.raw      a zvol image: the disk, sparse, as a hypervisor boots it
POOL/UUID/stream.zfs    any other image: its verified send stream, for ``zfs receive``
POOL/UUID.partial/      an image on its way in, or what a dead process left of one
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from imgadm import streams
from imgadm.errors import FileSystemError, InternalError
from imgadm.files import sync_directory, write_atomically
from imgadm.interrupts import uninterrupted
from imgadm.logs import logger
from imgadm.pools.base import Children, InstalledImage, Pool, Reception
from imgadm.pools.directory_contents import look_inside
from imgadm.pools.disk_copy import copy_disk
from imgadm.pools.sending import MadeStream, StoredStream, disk_stream
from imgadm.pools.zfs_discovery import UUID_PATTERN

RECORD = "image.json"
DISK = "disk.raw"
STREAM = "stream.zfs"
FILES = frozenset({RECORD, DISK, STREAM})


class DirectoryPool(Pool):
    """One directory. ``path`` is absolute; ``name`` is what it is called by."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)

    def get(self, uuid: str) -> InstalledImage | None:
        image = self._recorded(uuid)
        return None if image is None else look_inside(image, self.path / uuid, FILES)

    def _recorded(self, uuid: str) -> InstalledImage | None:
        directory = self.path / uuid
        if not self._is_directory(directory):
            return None
        try:
            record = json.loads((directory / RECORD).read_bytes())
            if record["manifest"]["uuid"] != uuid:
                raise ValueError(f"is about image {record['manifest']['uuid']}")
        except FileNotFoundError:
            return InstalledImage({"uuid": uuid}, self.name)
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger().warning(f'ignoring the record "{directory / RECORD}": {error}')
            return InstalledImage({"uuid": uuid}, self.name)
        known = {"manifest", "zpool", "source"}
        extra = {key: value for key, value in record.items() if key not in known}
        return InstalledImage(record["manifest"], self.name, record.get("source"), None, extra)

    def _is_directory(self, path: Path) -> bool:
        try:
            return stat.S_ISDIR(path.stat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> FileSystemError:
        return FileSystemError(
            f'cannot use "{self.path}" as a pool: {error.strerror}; a directory that you may '
            "write to is wanted, or room for one: make it, or name another with -P",
            code=errno.errorcode.get(error.errno or 0),
            cause=error,
        )

    def images(self) -> Sequence[InstalledImage]:
        found = self._installed()
        return [
            replace(
                image,
                clones=tuple(
                    f"{self.name}/{other.uuid}" for other in found if _is_based(other, image)
                ),
            )
            for image in found
        ]

    def _installed(self) -> list[InstalledImage]:
        try:
            names = sorted(entry.name for entry in self.path.iterdir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._unusable(error) from error
        uuids = [name for name in names if re.fullmatch(UUID_PATTERN, name)]
        return [image for uuid in uuids if (image := self.get(uuid)) is not None]

    def children(self, uuid: str) -> Children:
        based = [image for image in self._installed() if image.manifest.get("origin") == uuid]
        return Children(
            snapshots=(f"{self.name}/{uuid}@final",),
            clones=tuple(f"{self.name}/{image.uuid}" for image in based),
        )

    def check(self) -> None:
        try:
            self.path.mkdir(exist_ok=True)
            if not os.access(self.path, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as error:
            raise self._unusable(error) from error

    def available(self) -> int | None:
        status = os.statvfs(self.path)
        return status.f_bavail * status.f_frsize

    def receive(
        self, manifest: dict[str, Any], *, source: str | None, origin: InstalledImage | None
    ) -> Reception:
        return DirectoryReception(self, manifest, source, origin)

    def send(self, image: InstalledImage) -> StoredStream | MadeStream:
        directory = self.path / image.uuid
        if (directory / STREAM).is_file():
            return StoredStream((directory / STREAM).open("rb"))
        based_on = None
        if base := image.manifest.get("origin"):
            origin = self.get(base)
            if origin is None:
                raise InternalError(f'image "{image.uuid}" has lost its origin "{base}"')
            based_on = self.disk(origin)
        stream = image.extra.get("stream", {})
        chunks = disk_stream(
            directory / DISK,
            recorded_volume(image),
            name=stream.get("name", f"image/{image.uuid}@final"),
            creation_time=stream.get("creation_time", 0),
            origin=based_on,
        )
        return MadeStream(chunks, repeatable=True)

    def disk(self, image: InstalledImage) -> tuple[Path, streams.Volume]:
        return self.path / image.uuid / DISK, recorded_volume(image)

    def delete(self, uuid: str) -> None:
        doomed = self.partial(uuid)
        shutil.rmtree(doomed, ignore_errors=True)
        try:
            (self.path / uuid).rename(doomed)
            sync_directory(self.path)
            shutil.rmtree(doomed)
        except OSError as error:
            raise FileSystemError.from_os_error(f'error deleting image "{uuid}"', error) from error

    def partial(self, uuid: str) -> Path:
        return self.path / f"{uuid}.partial"


def _is_based(image: InstalledImage, origin: InstalledImage) -> bool:
    return image.manifest.get("origin") == origin.uuid


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
        try:
            self._directory.mkdir()
            self._stages = self._prepare(origin)
        except BaseException as error:
            with uninterrupted():
                self.roll_back()
            if isinstance(error, OSError):
                raise FileSystemError.from_os_error(
                    f'cannot receive into "{self._directory}"', error
                ) from error
            raise

    def _prepare(self, origin: InstalledImage | None) -> tuple[streams.Stage, ...]:
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
        record: dict[str, Any] = {"manifest": self._manifest, "zpool": self._pool.name}
        if self._source is not None:
            record["source"] = self._source
        record["stream"] = _described(report.facts["zfs_stream"])
        content = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
        write_atomically(self._directory / RECORD, content.encode("utf-8", "backslashreplace"))
        final = self._pool.path / self._uuid
        try:
            sync_directory(self._directory)
            self._directory.rename(final)
            sync_directory(self._pool.path)
        except OSError as error:
            raise FileSystemError.from_os_error(f'cannot rename to "{final}"', error) from error
        self._committed = True

    def roll_back(self) -> None:
        if not self._committed:
            shutil.rmtree(self._directory, ignore_errors=True)
            if os.path.lexists(self._directory):
                logger().warning(f'could not remove "{self._directory}"; remove it by hand')


def _described(summary: Any) -> dict[str, Any]:
    """What is to be known later of the stream that an image came as; guids as ZFS prints them."""
    described = {
        "type": summary.type,
        "name": summary.name,
        "guid": str(summary.guid),
        "creation_time": summary.creation_time,
    }
    if summary.from_guid:
        described["from_guid"] = str(summary.from_guid)
    if summary.volume_size is not None:
        described |= {"volume_size": summary.volume_size, "block_size": summary.block_size}
    return described


def recorded_volume(image: InstalledImage) -> streams.Volume:
    """The disk of an image in a directory pool, as an incremental stream must know it."""
    stream: Any = image.extra.get("stream")
    try:
        return streams.Volume(
            guid=int(stream["guid"]),
            size=int(stream["volume_size"]),
            block_size=int(stream["block_size"]),
        )
    except (TypeError, KeyError, ValueError):
        raise InternalError(
            f'image "{image.uuid}" in "{image.pool}" is not recorded as a disk, so nothing can be '
            "based on it; delete it and import it again"
        ) from None
