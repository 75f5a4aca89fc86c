"""What every pool can do: hold images, and receive a new one whole or not at all.

A pool is named as ``-P`` names it: ``zones`` is a zpool, a path with a slash a directory pool.
What is under ``UUID-partial`` (zfs) or ``UUID.XXXXXXXX.partial`` (directory) is nobody's image and
may be removed by whoever holds that image's lock.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgadm.base.errors import InternalError

if TYPE_CHECKING:
    from imgadm.pools.reception import LayerReception, Reception
    from imgadm.pools.sending import MadeStream, StoredStream
    from imgadm.streams import RawVolume


@dataclass(slots=True)
class InstalledImage:
    """An image on a pool and what is recorded about it; not frozen, which takes twice as long.

    ``manifest`` has at least ``uuid``; that is all it has where no record was found. ``clones`` are
    full names of the datasets (or directory-pool images) that are based on it, in the order of the
    pool, or ``None`` where they were not asked for. ``created`` is when it came, in seconds since
    1970, if that is known. What is ``doubtful`` may be no image, or hold more than one: no record
    says so, nor does a snapshot ``@final``, or there are other things inside.
    """

    manifest: dict[str, Any]
    pool: str
    source: str | None = None
    clones: tuple[str, ...] | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    created: int | None = None
    doubtful: bool = False

    @property
    def uuid(self) -> str:
        return str(self.manifest["uuid"])


@dataclass(frozen=True)
class Children:
    """Full names of the snapshots of an image and of all that is cloned from it.

    What is ``unknown`` may be cloned from it, too: this user may not read the records.
    """

    snapshots: tuple[str, ...]
    clones: tuple[str, ...]
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """``name`` is the full one; ``guid`` is that of ZFS, decimal, None where it is not known."""

    name: str
    guid: str | None


class Pool(ABC):
    """A place where images live."""

    name: str

    @abstractmethod
    def get(self, uuid: str) -> InstalledImage | None:
        """The image, without its clones, or None if it is not on this pool."""

    @abstractmethod
    def children(self, uuid: str) -> Children:
        """Snapshots and clones of an installed image."""

    @abstractmethod
    def snapshots(self, image: InstalledImage) -> Sequence[Snapshot]:
        """The snapshots of an installed image, without those of datasets below it."""

    @abstractmethod
    def name_final(self, image: InstalledImage, snapshot: str) -> None:
        """Rename ``snapshot``, the full name of one of an image that has no ``@final``, to that.

        What is cloned from it stays so. Raises InternalError, and nothing has changed then.
        """

    @abstractmethod
    def record(
        self, image: InstalledImage, manifest: Mapping[str, Any], *, source: str | None
    ) -> None:
        """Replace the manifest and the source that are recorded of an installed image.

        Whatever else is recorded stays. Raises FileSystemError, and the old record stays then.
        """

    @abstractmethod
    def images(self) -> Sequence[InstalledImage]:
        """Return every image on this pool with all its members, in the order of the pool."""

    @abstractmethod
    def summaries(self, fields: AbstractSet[str]) -> Sequence[InstalledImage]:
        """Return every image on this pool with its clones, in the order of the pool, for a list.

        ``fields``: the manifest members that the caller will read. The pool may leave out all
        others, and ``extra``, ``created`` and ``doubtful``: a list of ten thousand images should
        not have to open ten thousand records.
        """

    @abstractmethod
    def receive(
        self, manifest: dict[str, Any], *, source: str | None, origin: InstalledImage | None
    ) -> Reception:
        """Begin to receive the image that ``manifest`` describes, on top of ``origin`` if given.

        Whatever an earlier, dead reception of this image left is removed first. The record
        (manifest and source) becomes visible together with the image. Raises InternalError if
        ``origin`` is nothing that an image can be based on, and FileSystemError; nothing is left
        then.
        """

    @abstractmethod
    def receive_layers(
        self,
        manifests: Sequence[dict[str, Any]],
        *,
        source: str | None,
        base: InstalledImage | None,
    ) -> LayerReception:
        """Begin to receive the images of layers that ``manifests`` describe, the base first.

        The first goes on top of ``base``, if that is given; the last is the one that was asked for.
        Without ``manifests`` it is ``base`` that gets the root that it lacks. Otherwise as
        :meth:`receive`.
        """

    @abstractmethod
    def lacks_root(self, image: InstalledImage) -> bool:
        """Whether an image of a layer is kept as no more than that."""

    @abstractmethod
    def send(self, image: InstalledImage) -> StoredStream | MadeStream:
        """The ZFS stream of an installed image, based on its origin where it has one.

        Raises InternalError if the image can't be sent.
        """

    def sent_compression(self, image: InstalledImage) -> str:
        """How what :meth:`send` sends of an image is compressed."""
        return "none"

    def disk(self, image: InstalledImage) -> AbstractContextManager[tuple[Path, RawVolume]]:
        """The raw disk of an installed image, and what an incremental stream must know of it.

        The path leads to that disk inside the block, whatever another process does to the pool.

        Raises InternalError if the image has none, or the pool can't tell.
        """
        raise InternalError(
            f'the disk of image "{image.uuid}" cannot be read in zpool "{self.name}", only in a '
            "directory pool: import the image into one, and name that with -P /a/path"
        )

    @abstractmethod
    def delete(self, uuid: str) -> None:
        """Destroy an installed image and its record; nothing uses it, says the caller."""

    def orphans(self) -> Sequence[InstalledImage]:
        """What is recorded of images that are not on this pool, which itself is there.

        There are none where an image and its record are one.
        """
        return ()

    def forget(self, uuid: str) -> None:
        """Remove the record of an orphan."""

    def leftovers(self) -> Sequence[str]:
        """UUIDs of images of which a dead process may have left something that is no image."""
        return ()

    def remove_leftovers(self, uuid: str) -> None:
        """Remove that; the caller holds the lock of the image. Never raises."""

    def lock_directory(self, *, shared: bool) -> Path | None:
        """Where images are to be locked for other hosts that use this pool, None if none can.

        Raises FileSystemError unless it can be written to, which is not needed for ``shared`` ones.
        """
        return None

    @abstractmethod
    def check(self) -> None:
        """Raise if this pool does not exist or cannot be written; called before any byte moves."""

    @abstractmethod
    def available(self) -> int | None:
        """Free space in bytes, or None where the pool cannot tell."""
