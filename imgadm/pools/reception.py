"""Receptions: images on their way into a pool, which receives them whole or not at all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from imgadm.base.errors import FileSystemError, ImgadmError
from imgadm.base.json_values import is_whole
from imgadm.base.signals import signals_held_back

if TYPE_CHECKING:
    from pathlib import Path

    from imgadm.pools.layers import LayerFacts, StoredLayer
    from imgadm.streams import Report, Stage

_MORE_THAN_ANY_DISK = 2**63


class UnexpectedNumberOfSnapshotsError(ImgadmError):
    """A received image ``uuid`` whose ``snapshots`` are not exactly one."""

    code = "UnexpectedNumberOfSnapshots"

    def __init__(self, uuid: str, snapshots: Sequence[str]) -> None:
        names = ": " + ", ".join(snapshots) if snapshots else ""
        super().__init__(
            f'image "{uuid}" has an unexpected number of snapshots ({len(snapshots)}){names}'
        )
        self.uuid = uuid
        self.snapshots = list(snapshots)


@contextmanager
def beginning(roll_back: Callable[[], None], failure: str) -> Iterator[None]:
    """Call ``roll_back`` if the block, which prepares a reception, fails.

    An OSError of the block becomes a FileSystemError whose message begins with ``failure``.
    """
    try:
        yield
    except BaseException as error:
        with signals_held_back():
            roll_back()
        if isinstance(error, OSError):
            raise FileSystemError.from_os_error(failure, error) from error
        raise


def size_in_manifest(manifest: Mapping[str, Any]) -> int | None:
    """Return the ``image_size`` of a zvol image in MiB; ``None`` if there is no valid one."""
    size = manifest.get("image_size")
    return min(int(size), _MORE_THAN_ANY_DISK) if is_whole(size) and size >= 1 else None


class Reception(ABC):
    """An image on its way into a pool, invisible to others before :meth:`commit`.

    A reception is a context manager: leaving the block without a commit rolls back. The caller
    holds the lock of the image meanwhile, and does this, in this order:

    1. It runs one pipeline that ends with :attr:`stages`.
    2. It may set :attr:`extra`.
    3. It calls :meth:`commit`.
    """

    extra: Mapping[str, Any] = MappingProxyType({})
    """What :meth:`commit` records of the image besides its manifest and source."""

    @property
    @abstractmethod
    def stages(self) -> tuple[Stage, ...]:
        """The last stages of a pipeline: they take the decompressed ZFS stream and keep it.

        One of them has to leave the fact ``zfs_stream``, the description of the stream, in the
        report. They may be run once. A stream that they should not keep, such as a damaged one,
        makes them raise a StreamError or an OSError.
        """

    @abstractmethod
    def commit(self, report: Report) -> None:
        """Install the received image: it appears at one instant, whole, and survives a crash.

        ``report`` is that of the pipeline, which has succeeded.

        Raises UnexpectedNumberOfSnapshotsError if the stream has not brought exactly one snapshot,
        FileSystemError, and InternalError if the pool refuses the image. Nothing is visible then.
        """

    @abstractmethod
    def roll_back(self) -> None:
        """Remove what was received; does nothing after a commit.

        May be called at any time, and more than once. Never raises.
        """

    def __enter__(self) -> Reception:
        return self

    def __exit__(self, *_: object) -> None:
        with signals_held_back():
            self.roll_back()


class LayerReception(ABC):
    """Images of layers on their way into a pool, each on top of the one before, the base first.

    A reception is a context manager. The caller holds the locks of all these images meanwhile, and
    does this, in this order:

    1. For each layer of :meth:`beneath` it calls :meth:`begin` with ``None``, and unpacks the layer
       into the directory that :meth:`begin` returns.
    2. For each image it calls :meth:`begin` with its UUID, unpacks its layer likewise, and calls
       :meth:`commit`.
    3. If there is no image to receive, it calls :meth:`commit_root`.

    Leaving the block removes what was not committed. Images that were committed stay.
    """

    waiting_room: Path
    """A directory for layers that arrive before it is their turn. It is removed at the end."""

    @abstractmethod
    def beneath(self) -> Sequence[StoredLayer]:
        """Return the installed layers to unpack before the first received one, base first."""

    @abstractmethod
    def find(self, digest: str) -> Path | None:
        """Return a file on the pool that should be the blob ``digest``; ``None`` if there is none.

        The caller verifies the digest of what it reads from that file.
        """

    @abstractmethod
    def begin(self, uuid: str | None) -> Path:
        """Return the directory into which the caller is to unpack the layer of image ``uuid``.

        With ``None`` it is the directory for the next layer of :meth:`beneath`. It has the content
        of all layers below. Raises InternalError and FileSystemError.
        """

    @abstractmethod
    def commit(self, uuid: str, blob: Path, facts: LayerFacts, *, keep: bool) -> None:
        """Install image ``uuid``, whose layer has been unpacked, as :meth:`Reception.commit` does.

        ``blob`` is the file of the layer, synced. The pool may take it, or remove it, unless the
        caller has to ``keep`` it. ``facts`` identify it. Raises InternalError and FileSystemError;
        the image is not visible then.
        """

    @abstractmethod
    def commit_root(self) -> None:
        """Give the base its file tree: all layers of :meth:`beneath` have been unpacked.

        Raises InternalError and FileSystemError; the image is as before then.
        """

    @abstractmethod
    def roll_back(self) -> None:
        """Remove what was not committed. May be called more than once. Never raises."""

    def __enter__(self) -> LayerReception:
        return self

    def __exit__(self, *_: object) -> None:
        with signals_held_back():
            self.roll_back()
