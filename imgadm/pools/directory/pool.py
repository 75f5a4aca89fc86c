"""A directory as a pool of images, for hosts without ZFS.

::

    POOL/UUID/image.json    the record, and what an incremental image must know of this one
    POOL/UUID/disk.raw      a zvol image: the disk, sparse, as a hypervisor boots it
    POOL/UUID/layer         an image of a layer: the layer as the registry has it
    POOL/UUID/root/         the file tree of such an image, if the user asked for the image
    POOL/UUID/owners.jsonl  the owners and attributes that an ordinary user could not set there
    POOL/UUID/stream.zfs    any other image: its verified send stream, for ``zfs receive``
    POOL/UUID.XXXXXXXX.partial/
                            an image that is being received, or the rest that a dead process left
    POOL/.UUID.lock         the process, on any host, that works on the image
    POOL/pool.json          the users who may read images besides their owner
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgadm.base.errors import FileSystemError, InternalError
from imgadm.base.files.opening import pinned_path
from imgadm.base.files.replacement import make_one_directory
from imgadm.pools.base import Pool
from imgadm.pools.directory.contents import (
    DISK,
    LAYER,
    OWNERS,
    ROOT,
    STREAM,
    look_inside,
    open_image,
)
from imgadm.pools.directory.images import DirectoryImages, unusable_pool
from imgadm.pools.directory.record import RECORD, recorded_guid, write_record
from imgadm.pools.images import InstalledImage
from imgadm.pools.layers import RECORDED_AS, LayerFacts
from imgadm.pools.reception import LayerReception, Reception
from imgadm.pools.relatives import Children, ImageSnapshot
from imgadm.state.summaries import SUMMARY_FIELDS

if TYPE_CHECKING:
    from imgadm import streams
    from imgadm.pools.sending import MadeStream, StoredStream

_FILES = frozenset({RECORD, DISK, STREAM, LAYER, ROOT, OWNERS})


class DirectoryPool(Pool):
    """The directory ``path``, which is absolute.

    If ``cache_directory`` is given, the pool keeps a file there with the facts that lists need.
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
        return self._images.summaries() if fields <= SUMMARY_FIELDS else self._images.all()

    def _look_inside(self, image: InstalledImage) -> InstalledImage:
        return look_inside(image, self.path / image.uuid, _FILES)

    def children(self, uuid: str) -> Children:
        clones, unknown = self._images.clones(uuid)
        return Children(
            snapshots=(f"{self.name}/{uuid}@final",),
            clones=tuple(f"{self.name}/{clone}" for clone in clones),
            unknown=tuple(f"{self.name}/{other}" for other in unknown),
        )

    def snapshots(self, image: InstalledImage) -> Sequence[ImageSnapshot]:
        return (ImageSnapshot(f"{self.name}/{image.uuid}@final", recorded_guid(image)),)

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

        return DirectoryReception(self, self.path, manifest, source, origin)

    def receive_layers(
        self,
        manifests: Sequence[dict[str, Any]],
        *,
        source: str | None,
        base: InstalledImage | None,
    ) -> LayerReception:
        from imgadm.pools.directory.layers import DirectoryLayerReception

        return DirectoryLayerReception(self, self.path, manifests, source, base)

    def lacks_root(self, image: InstalledImage) -> bool:
        from imgadm.pools.directory.sending import is_readable_file

        directory = self.path / image.uuid
        keeps_layer = is_readable_file(directory / LAYER)
        return keeps_layer and not self._images.is_directory(directory / ROOT)

    def send(self, image: InstalledImage) -> StoredStream | MadeStream:
        from imgadm.pools.directory.sending import stored_stream, stream_of_disk

        stored = stored_stream(self.path, image)
        if stored is not None:
            return stored
        origin = None
        if base := image.manifest.get("origin"):
            origin = self.get(base)
            if origin is None:
                raise InternalError(f'image "{image.uuid}" has lost its origin "{base}"')
        return stream_of_disk(self.path, image, origin)

    def sent_compression(self, image: InstalledImage) -> str:
        return LayerFacts.of(image).compression if RECORDED_AS in image.extra else "none"

    def disk(self, image: InstalledImage) -> AbstractContextManager[tuple[Path, streams.RawVolume]]:
        from imgadm.pools.directory.sending import opened_disk

        return opened_disk(self.path, image)

    def leftovers(self) -> Sequence[str]:
        from imgadm.pools.directory.removal import images_with_leftovers

        return images_with_leftovers(self.path)

    def remove_leftovers(self, uuid: str) -> None:
        from imgadm.pools.directory.removal import remove_image_leftovers

        remove_image_leftovers(self.path, uuid)

    def delete(self, uuid: str) -> None:
        from imgadm.pools.directory.removal import remove_image

        remove_image(self.path, uuid)
