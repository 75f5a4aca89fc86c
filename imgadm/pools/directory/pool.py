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
from collections.abc import Generator, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgadm.base.errors import FileSystemError, InternalError
from imgadm.base.files.opening import pinned_path
from imgadm.base.files.replacement import make_one_directory, sync_directory
from imgadm.base.signals import signals_held_back
from imgadm.pools.base import Children, InstalledImage, Pool, Snapshot
from imgadm.pools.directory.contents import (
    DISK,
    LAYER,
    OWNERS,
    ROOT,
    STREAM,
    look_inside,
    open_content,
    open_image,
)
from imgadm.pools.directory.images import DirectoryImages, unusable_pool
from imgadm.pools.directory.record import RECORD, recorded_guid, recorded_volume, write_record
from imgadm.pools.layers import RECORDED_AS, LayerFacts
from imgadm.pools.reception import LayerReception, Reception
from imgadm.state.summaries import FIELDS

if TYPE_CHECKING:
    from imgadm import streams
    from imgadm.pools.sending import MadeStream, StoredStream

_FILES = frozenset({RECORD, DISK, STREAM, LAYER, ROOT, OWNERS})


class DirectoryPool(Pool):
    """One directory. ``path`` is absolute; ``name`` is what it is called by.

    What lists need of its images is kept in ``cache_directory``, if that is given.
    """

    def __init__(self, path: Path, cache_directory: Path | None = None) -> None:
        self.path = path
        self.name = str(path)
        self._images = DirectoryImages(path, cache_directory)

    def get(self, uuid: str) -> InstalledImage | None:
        image = self._images.get(uuid)
        return None if image is None else self._look_inside(image)

    def images(self) -> Sequence[InstalledImage]:
        return [self._look_inside(image) for image in self._images.all()]

    def summaries(self, fields: AbstractSet[str]) -> Sequence[InstalledImage]:
        return self._images.summaries() if fields <= FIELDS else self._images.all()

    def _look_inside(self, image: InstalledImage) -> InstalledImage:
        return look_inside(image, self.path / image.uuid, _FILES)

    def children(self, uuid: str) -> Children:
        clones, unknown = self._images.clones(uuid)
        return Children(
            snapshots=(f"{self.name}/{uuid}@final",),
            clones=tuple(f"{self.name}/{clone}" for clone in clones),
            unknown=tuple(f"{self.name}/{other}" for other in unknown),
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
        directory = self.path / image.uuid
        try:
            descriptor = open_image(directory)
        except OSError as error:
            action = f'cannot write the record of image {image.uuid} in "{self.name}"'
            raise FileSystemError.from_os_error(action, error) from error
        try:
            inside = Path(pinned_path(descriptor, directory))
            write_record(inside, self.name, manifest, source, image.extra)
        finally:
            os.close(descriptor)

    def check(self) -> None:
        try:
            make_one_directory(self.path)
            if not os.access(self.path, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as error:
            raise unusable_pool(self.path, error) from error

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
        from imgadm.pools.directory.reception import DirectoryReception

        return DirectoryReception(self, manifest, source, origin)

    def receive_layers(
        self,
        manifests: Sequence[dict[str, Any]],
        *,
        source: str | None,
        base: InstalledImage | None,
    ) -> LayerReception:
        from imgadm.pools.directory.layers import DirectoryLayerReception

        return DirectoryLayerReception(self, manifests, source, base)

    def lacks_root(self, image: InstalledImage) -> bool:
        directory = self.path / image.uuid
        return _is_file(directory / LAYER) and not self._images.is_directory(directory / ROOT)

    def send(self, image: InstalledImage) -> StoredStream | MadeStream:
        from imgadm.pools.sending import MadeStream, StoredStream

        directory = self.path / image.uuid
        for name in (STREAM, LAYER):
            if _is_file(directory / name):
                return StoredStream(os.fdopen(open_content(directory, name), "rb"))
        origin = None
        if base := image.manifest.get("origin"):
            origin = self.get(base)
            if origin is None:
                raise InternalError(f'image "{image.uuid}" has lost its origin "{base}"')
        for needed in filter(None, (image, origin)):
            with self.disk(needed):  # an error is raised now, not while the stream is read
                pass
        return MadeStream(self._chunks(image, origin), repeatable=True)

    def sent_compression(self, image: InstalledImage) -> str:
        return LayerFacts.of(image).compression if RECORDED_AS in image.extra else "none"

    def _chunks(
        self, image: InstalledImage, origin: InstalledImage | None
    ) -> Generator[memoryview, None, None]:
        from imgadm.pools.sending import disk_stream

        stream = image.extra.get("stream", {})
        with ExitStack() as disks:
            disk, volume = disks.enter_context(self.disk(image))
            yield from disk_stream(
                disk,
                volume,
                name=stream.get("name", f"image/{image.uuid}@final"),
                creation_time=stream.get("creation_time", 0),
                origin=None if origin is None else disks.enter_context(self.disk(origin)),
            )

    @contextmanager
    def disk(self, image: InstalledImage) -> Iterator[tuple[Path, streams.RawVolume]]:
        directory = self.path / image.uuid
        try:
            descriptor = open_content(directory, DISK)
        except OSError as error:
            if not isinstance(error, PermissionError):
                recorded_volume(image)  # says what is wrong with an image that has no disk
            action = f'cannot read the disk of image "{image.uuid}" in "{self.name}"'
            raise FileSystemError.from_os_error(action, error) from error
        try:
            yield Path(pinned_path(descriptor, directory / DISK)), recorded_volume(image)
        finally:
            os.close(descriptor)

    def leftovers(self) -> Sequence[str]:
        from imgadm.base.locks.locks import locked_in_pool
        from imgadm.pools.directory.partial import image_of_partial

        found = set()
        with suppress(OSError), os.scandir(self.path) as entries:
            for entry in entries:
                uuid = image_of_partial(entry.name) or locked_in_pool(entry.name)
                owner = entry.stat(follow_symlinks=False).st_uid if uuid else None
                if uuid and (owner == os.geteuid() or os.geteuid() == 0):
                    found.add(uuid)
        return sorted(found)

    def remove_leftovers(self, uuid: str) -> None:
        from imgadm.base.files.open_limit import allow_deep_trees
        from imgadm.pools.directory.partial import remove_partials

        allow_deep_trees()
        remove_partials(self.path, uuid)

    def delete(self, uuid: str) -> None:
        import shutil

        from imgadm.pools.directory.partial import partial_name

        self.remove_leftovers(uuid)
        image, doomed = self.path / uuid, self.path / partial_name(uuid)
        try:
            if not os.access(image, os.R_OK | os.W_OK | os.X_OK):
                # Of another user: it could be renamed, and then not be removed.
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            with signals_held_back():
                try:
                    image.rename(doomed)
                except OSError as error:
                    if error.errno != errno.EXDEV:
                        raise
                    # A directory of a lower layer of an overlay: without its record, what a crash
                    # leaves of it is nothing that could be taken for the image.
                    doomed = image
                    (doomed / RECORD).unlink(missing_ok=True)
                sync_directory(self.path)
                if doomed.is_symlink():
                    doomed.unlink()
                else:
                    shutil.rmtree(doomed)
        except OSError as error:
            raise FileSystemError.from_os_error(f'error deleting image "{uuid}"', error) from error


def _is_file(path: Path) -> bool:
    """Whether a file is there that this user may know of."""
    try:
        return path.is_file()
    except PermissionError:
        return False
