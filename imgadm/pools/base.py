"""The contract of a pool: a place that holds images, and receives a new one whole or not at all.

Every pool has the abstract methods of :class:`Pool`. The others have defaults, which fit a pool
that cannot do more. ``tests/unit/pools/conformance.py`` is the suite that every pool passes.

Everywhere in the contract:

- An image is known by its UUID, the ``uuid`` of its manifest.
- A method that changes an image is called by a process that holds the lock of this image. So no
  other process of this host changes the image meanwhile, but images beside it may come and go.
- A failure is an :class:`imgadm.base.errors.ImgadmError`: FileSystemError if the operating system
  refused something, InternalError for anything else. Unless a method says otherwise, nothing has
  changed then.
- A process may be killed at any instant. Afterwards the pool shows the image as it was before or as
  it is after the change. What else is left belongs to no image, and the next
  :meth:`Pool.receive` of the same image removes it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgadm.base.errors import InternalError
from imgadm.pools.images import InstalledImage
from imgadm.pools.relatives import Children, ImageSnapshot

if TYPE_CHECKING:
    from imgadm.pools.reception import LayerReception, Reception
    from imgadm.pools.sending import MadeStream, StoredStream
    from imgadm.streams import RawVolume


class Pool(ABC):
    """A place that holds images.

    ``name`` is what ``-P`` takes: of a zpool its name, of a directory a path with a slash in it.
    """

    name: str

    @abstractmethod
    def check(self) -> None:
        """Raise an ImgadmError if this pool does not exist or this user cannot write to it.

        It may make the pool if it can be made. Every import calls it before the first byte moves.
        """

    @abstractmethod
    def get(self, uuid: str) -> InstalledImage | None:
        """Return the image ``uuid`` with all members but ``clones``; ``None`` if it is not here.

        An image that is being received is not here, nor is anything in a pool that does not exist.
        """

    @abstractmethod
    def images(self) -> Sequence[InstalledImage]:
        """Return every image on this pool with all members, in the order of the pool.

        The order is the pool's own, and the same each time. A pool that does not exist has none.
        """

    def summaries(self, fields: AbstractSet[str]) -> Sequence[InstalledImage]:
        """Return every image on this pool with its clones, in the order of the pool, for a list.

        ``fields``: the manifest members that the caller will read. The pool may leave out all
        others, and ``extra``, ``created`` and ``doubtful``, so that a list of ten thousand images
        need not open ten thousand records. By default it leaves out nothing.
        """
        return self.images()

    @abstractmethod
    def children(self, uuid: str) -> Children:
        """Return the snapshots of an installed image, and the names of its clones."""

    @abstractmethod
    def snapshots(self, image: InstalledImage) -> Sequence[ImageSnapshot]:
        """Return the snapshots of an installed image, without those of datasets below it.

        An image that was received has one, ``@final``.
        """

    def name_final(self, image: InstalledImage, snapshot: str) -> None:
        """Rename ``snapshot``, a full name, to ``@final``; the image has no snapshot of that name.

        What is cloned from the snapshot stays cloned from it. Raises InternalError, by default
        always: that is right where every image has its ``@final``.
        """
        raise InternalError(f'cannot rename "{snapshot}": pool "{self.name}" has only "@final"')

    @abstractmethod
    def record(
        self, image: InstalledImage, manifest: Mapping[str, Any], *, source: str | None
    ) -> None:
        """Replace the manifest and the source in the record of an installed image.

        Everything else in the record stays. Raises FileSystemError; the old record stays then.
        """

    @abstractmethod
    def receive(
        self, manifest: dict[str, Any], *, source: str | None, origin: InstalledImage | None
    ) -> Reception:
        """Begin to receive the image that ``manifest`` describes; it is not installed yet.

        ``manifest`` has a valid ``uuid`` and ``type``; it may get more members before the commit.
        ``source`` is the URL of the server that the image comes from. ``origin`` is the installed
        image that the new one is based on, or ``None`` if the stream is a full one.

        First removes what a dead process has left of this image. The record of the image appears
        together with the image, when the reception is committed.

        Raises FileSystemError, and InternalError if nothing can be based on ``origin``; nothing of
        the reception is left then.
        """

    def receive_layers(
        self,
        manifests: Sequence[dict[str, Any]],
        *,
        source: str | None,
        base: InstalledImage | None,
    ) -> LayerReception:
        """Begin to receive the images of layers that ``manifests`` describe, the base first.

        The last of them is the image that the user asked for. ``base`` is the installed image that
        the first is based on, if any. Without ``manifests``, ``base`` is the image that gets the
        file tree that it lacks. Apart from that it is like :meth:`receive`.

        By default raises InternalError: the pool keeps no layers.
        """
        raise InternalError(f'pool "{self.name}" keeps no container images; name another with -P')

    def lacks_root(self, image: InstalledImage) -> bool:
        """Tell whether an image keeps only its layer, without the file tree that it stands for.

        :meth:`receive_layers` without manifests then makes that tree. By default no image does.
        """
        return False

    @abstractmethod
    def send(self, image: InstalledImage) -> StoredStream | MadeStream:
        """Return the ZFS stream of an installed image.

        It is incremental if the image has an origin, so that :meth:`receive` of any pool with that
        origin accepts it. Raises InternalError if the image cannot be sent.
        """

    def sent_compression(self, image: InstalledImage) -> str:
        """Return the compression of what :meth:`send` sends, as a manifest names it."""
        return "none"

    def disk(self, image: InstalledImage) -> AbstractContextManager[tuple[Path, RawVolume]]:
        """Yield the raw disk of an installed image, and what an incremental stream must know of it.

        Inside the block the path leads to this disk, whatever another process does to the pool.
        Raises InternalError if the image has no disk. By default the pool shows no disk as a file.
        """
        raise InternalError(
            f'the disk of image "{image.uuid}" cannot be read in pool "{self.name}", only in a '
            "directory pool: import the image into one, and name that with -P /a/path"
        )

    @abstractmethod
    def delete(self, uuid: str) -> None:
        """Delete an installed image and its record.

        The caller has made sure that nothing uses the image. Raises an ImgadmError if anything of
        it stays. It may still be an image then, or no longer be one.
        """

    def orphans(self) -> Sequence[InstalledImage]:
        """Return the records of images that are not on this pool although the pool is there.

        There are none, by default, in a pool that keeps an image and its record as one.
        """
        return ()

    def forget(self, uuid: str) -> None:
        """Remove the record of an orphan."""

    def leftovers(self) -> Sequence[str]:
        """Return the UUIDs of images of which a dead process may have left something behind."""
        return ()

    def remove_leftovers(self, uuid: str) -> None:
        """Remove what a dead process has left of an image; never raises."""

    def lock_directory(self, *, shared: bool) -> Path | None:
        """Return the directory whose locks keep out other hosts; ``None`` if none can come.

        With ``shared`` the caller only keeps others from changing images, and need not be able to
        write to the directory. Otherwise raises FileSystemError if it cannot write there.
        """
        return None

    def available(self) -> int | None:
        """Return the free space in bytes; ``None``, the default, if the pool cannot tell."""
        return None
