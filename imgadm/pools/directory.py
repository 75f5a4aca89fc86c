"""A directory as a pool of images: the embedded pool, for hosts without ZFS.

POOL/UUID/image.json    the record, and what an incremental image must know of this one
POOL/UUID/disk.raw      a zvol image: the disk, sparse, as a hypervisor boots it
POOL/UUID/layer         an image of a layer: that, as the registry has it
POOL/UUID/root/         the file tree of such an image, if it is not there for others only
POOL/UUID/owners.jsonl  what could not be set in that tree by who may not
POOL/UUID/stream.zfs    any other image: its verified send stream, for ``zfs receive``
POOL/UUID.XXXXXXXX.partial/
                        an image on its way in, or what a dead process left of one
POOL/.UUID.lock         who works on the image, in whatever container or on whatever host
POOL/pool.json          who may read images beside their owner
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgadm.errors import FileSystemError, InternalError
from imgadm.files import sync_directory
from imgadm.interrupts import uninterrupted
from imgadm.manifest import is_uuid
from imgadm.pools.base import Children, InstalledImage, Pool, Snapshot
from imgadm.pools.directory_contents import (
    DISK,
    LAYER,
    OWNERS,
    ROOT,
    STREAM,
    look_inside,
    open_content,
)
from imgadm.pools.directory_record import (
    RECORD,
    read_record,
    recorded_guid,
    recorded_volume,
    write_record,
)
from imgadm.pools.layers import RECORDED_AS, LayerFacts
from imgadm.pools.reception import LayerReception, Reception
from imgadm.summaries import FIELDS, Summary, read_summaries

if TYPE_CHECKING:
    from imgadm import streams
    from imgadm.pools.sending import MadeStream, StoredStream

#: Of a pool that is made: others may look which images there are, whatever the umask says.
_MODE = 0o755
FILES = frozenset({RECORD, DISK, STREAM, LAYER, ROOT, OWNERS})


class DirectoryPool(Pool):
    """One directory. ``path`` is absolute; ``name`` is what it is called by.

    What lists need of its images is kept in ``cache_directory``, if that is given.
    """

    def __init__(self, path: Path, cache_directory: Path | None = None) -> None:
        self.path = path
        self.name = str(path)
        self._cache_directory = cache_directory

    def get(self, uuid: str) -> InstalledImage | None:
        if not self._is_directory(self.path / uuid):
            return None
        return self._look_inside(read_record(self.name, uuid))

    def _look_inside(self, image: InstalledImage) -> InstalledImage:
        return look_inside(image, self.path / image.uuid, FILES)

    def _is_directory(self, path: Path) -> bool:
        try:
            here = path.lstat()
            if stat.S_ISLNK(here.st_mode):
                return self._is_trusted(here) and stat.S_ISDIR(path.stat().st_mode)
            return stat.S_ISDIR(here.st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise self._unusable(error) from error

    def _is_trusted(self, link: os.stat_result) -> bool:
        """Whether a link may stand for an image that is kept elsewhere.

        Another user of the pool could lead to what only this one can read.
        """
        return link.st_uid in (0, os.geteuid(), self.path.stat().st_uid)

    def _unusable(self, error: OSError) -> FileSystemError:
        return FileSystemError(
            f'cannot use "{self.path}" as a pool: {error.strerror}; a directory that you may '
            "write to is wanted, or room for one: make it, or name another with -P",
            code=errno.errorcode.get(error.errno or 0),
            cause=error,
        )

    def images(
        self, fields: AbstractSet[str] | None = None, *, look_inside: bool = False
    ) -> Sequence[InstalledImage]:
        uuids = self._uuids()
        if fields is not None and fields <= FIELDS and not look_inside:
            found = self._present(self._summaries(uuids))
        else:
            found = self._present(read_record(self.name, uuid) for uuid in uuids)
        if look_inside:
            found = [self._look_inside(image) for image in found]
        clones: dict[str, list[str]] = {}
        for image in found:
            origin = image.manifest.get("origin")
            if isinstance(origin, str):
                clones.setdefault(origin, []).append(f"{self.name}/{image.uuid}")
        for image in found:
            image.clones = tuple(clones.get(image.uuid, ()))
        return found

    def _uuids(self) -> list[str]:
        try:
            with os.scandir(self.path) as entries:
                return sorted(e.name for e in entries if is_uuid(e.name) and self._is_image(e))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._unusable(error) from error

    def _is_image(self, entry: os.DirEntry[str]) -> bool:
        if entry.is_symlink():
            return self._is_directory(self.path / entry.name)
        return entry.is_dir(follow_symlinks=False)

    def _present(self, images: Iterable[InstalledImage]) -> list[InstalledImage]:
        """Leave out those that were deleted meanwhile: their records are gone with them."""
        return [
            image
            for image in images
            if len(image.manifest) > 1 or self._is_directory(self.path / image.uuid)
        ]

    def _summaries(self, uuids: Sequence[str]) -> Iterator[InstalledImage]:
        def read(name: str) -> Summary | None:
            image = read_record(self.name, name.partition("/")[0])
            return Summary(image.manifest, image.source) if len(image.manifest) > 1 else None

        names = [f"{uuid}/{RECORD}" for uuid in uuids]
        summaries = read_summaries(self.name, self.name, names, read, self._cache_directory)
        for uuid, summary in zip(uuids, summaries, strict=True):
            if summary is None:
                yield InstalledImage({"uuid": uuid}, self.name)
            else:
                yield InstalledImage(summary.manifest, self.name, summary.source)

    def children(self, uuid: str) -> Children:
        images = self.images(frozenset({"origin"}))
        return Children(
            snapshots=(f"{self.name}/{uuid}@final",),
            clones=next((image.clones or () for image in images if image.uuid == uuid), ()),
        )

    def snapshots(self, image: InstalledImage) -> Sequence[Snapshot]:
        return (Snapshot(f"{self.name}/{image.uuid}@final", recorded_guid(image)),)

    def name_final(self, image: InstalledImage, snapshot: str) -> None:
        (only,) = self.snapshots(image)
        raise InternalError(
            f'cannot rename "{snapshot}": in a directory pool an image has only "{only.name}"'
        )

    def record(
        self, image: InstalledImage, manifest: Mapping[str, Any], *, source: str | None
    ) -> None:
        write_record(self.path / image.uuid, self.name, manifest, source, image.extra)

    def check(self) -> None:
        try:
            self.path.mkdir(_MODE, exist_ok=True)
            if not os.access(self.path, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as error:
            raise self._unusable(error) from error

    def lock_directory(self, *, shared: bool) -> Path:
        if not shared:
            self.check()
        return self.path

    def available(self) -> int | None:
        status = os.statvfs(self.path)
        return status.f_bavail * status.f_frsize

    def receive(
        self, manifest: dict[str, Any], *, source: str | None, origin: InstalledImage | None
    ) -> Reception:
        from imgadm.pools.directory_reception import DirectoryReception

        return DirectoryReception(self, manifest, source, origin)

    def receive_layers(
        self,
        manifests: Sequence[dict[str, Any]],
        *,
        source: str | None,
        base: InstalledImage | None,
    ) -> LayerReception:
        from imgadm.pools.directory_layers import DirectoryLayerReception

        return DirectoryLayerReception(self, manifests, source, base)

    def lacks_root(self, image: InstalledImage) -> bool:
        directory = self.path / image.uuid
        return (directory / LAYER).is_file() and not self._is_directory(directory / ROOT)

    def send(self, image: InstalledImage) -> StoredStream | MadeStream:
        from imgadm.pools.sending import MadeStream, StoredStream, disk_stream

        directory = self.path / image.uuid
        for name in (STREAM, LAYER):
            if (directory / name).is_file():
                return StoredStream(os.fdopen(open_content(directory, name), "rb"))
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

    def sent_compression(self, image: InstalledImage) -> str:
        return LayerFacts.of(image).compression if RECORDED_AS in image.extra else "none"

    def disk(self, image: InstalledImage) -> tuple[Path, streams.Volume]:
        directory, volume = self.path / image.uuid, recorded_volume(image)
        try:
            os.close(open_content(directory, DISK))
        except OSError as error:
            action = f'cannot read the disk of image "{image.uuid}" in "{self.name}"'
            raise FileSystemError.from_os_error(action, error) from error
        return directory / DISK, volume

    def delete(self, uuid: str) -> None:
        import shutil

        from imgadm.open_files import allow_deep_trees
        from imgadm.pools.directory_partial import partial_name, remove_partials

        allow_deep_trees()
        remove_partials(self.path, uuid)
        doomed = self.path / partial_name(uuid)
        try:
            if not os.access(self.path / uuid, os.R_OK | os.W_OK | os.X_OK):
                # Of another user: it could be renamed, and then not be removed.
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            with uninterrupted():
                (self.path / uuid).rename(doomed)
                sync_directory(self.path)
                if doomed.is_symlink():
                    doomed.unlink()
                else:
                    shutil.rmtree(doomed)
        except OSError as error:
            raise FileSystemError.from_os_error(f'error deleting image "{uuid}"', error) from error
