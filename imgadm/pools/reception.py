"""Images on their way into a pool: received whole, or not at all."""

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
    """The received image ``uuid`` does not have exactly one snapshot, but ``snapshots``."""

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
    """What makes room for a reception; if it fails, all of that is gone again.

    Raises FileSystemError, beginning with ``failure``, for an OSError.
    """
    try:
        yield
    except BaseException as error:
        with signals_held_back():
            roll_back()
        if isinstance(error, OSError):
            raise FileSystemError.from_os_error(failure, error) from error
        raise


def told_size(manifest: Mapping[str, Any]) -> int | None:
    """How many MiB the disk of a zvol image has, as its manifest tells; None if it does not."""
    size = manifest.get("image_size")
    return min(int(size), _MORE_THAN_ANY_DISK) if is_whole(size) and size >= 1 else None


class Reception(ABC):
    """One image on its way into a pool; visible to nobody until :meth:`commit`.

    Use it as a context manager: leaving the block without a commit rolls back. The caller holds the
    lock of the image all the while.
    """

    #: What to record of the image besides its manifest and source; set before :meth:`commit`.
    extra: Mapping[str, Any] = MappingProxyType({})

    @property
    @abstractmethod
    def stages(self) -> tuple[Stage, ...]:
        """What takes the decompressed ZFS stream: the last stages of one pipeline."""

    @abstractmethod
    def commit(self, report: Report) -> None:
        """Make the received image visible, durably and at once. ``report`` is the pipeline's.

        Raises UnexpectedNumberOfSnapshotsError if the stream brought other than one snapshot, and
        InternalError if the pool refuses; nothing is visible then.
        """

    @abstractmethod
    def roll_back(self) -> None:
        """Remove what was received. May be called at any time and more than once; never raises."""

    def __enter__(self) -> Reception:
        return self

    def __exit__(self, *_: object) -> None:
        with signals_held_back():
            self.roll_back()


class LayerReception(ABC):
    """Images of layers on their way into a pool, each on top of the one before, the base first.

    For each in turn: :meth:`begin`, unpack its layer, :meth:`commit`. What was committed stays;
    leaving the block rolls back everything else. The caller holds the locks of all these images.
    """

    #: Where layers may wait that have come before it is their turn. Goes with the reception.
    waiting_room: Path

    @abstractmethod
    def beneath(self) -> Sequence[StoredLayer]:
        """Layers, base first, that have to be unpacked before the first that is received."""

    @abstractmethod
    def find(self, digest: str) -> Path | None:
        """A file on the pool that should have the bytes of a layer with this digest."""

    @abstractmethod
    def begin(self, uuid: str | None) -> Path:
        """The directory that the layer of an image, or the next of those beneath, goes into.

        Raises InternalError and FileSystemError.
        """

    @abstractmethod
    def commit(self, uuid: str, blob: Path, facts: LayerFacts, *, keep: bool) -> None:
        """Make the image visible, durably and at once; its layer has been unpacked.

        ``blob`` is the layer as it came, synced, which is the pool's to have unless the caller has
        to ``keep`` it. Raises InternalError and FileSystemError; the image is not visible then.
        """

    @abstractmethod
    def commit_root(self) -> None:
        """What was beneath has been unpacked, and is all that there is to it."""

    @abstractmethod
    def roll_back(self) -> None:
        """Remove what was not committed. May be called more than once; never raises."""

    def __enter__(self) -> LayerReception:
        return self

    def __exit__(self, *_: object) -> None:
        with signals_held_back():
            self.roll_back()
