"""The volumes and snapshots in ZFS send streams."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imgadm import _native
from imgadm.streams.engine.arguments import check_choice, check_count, check_dataset, check_kind
from imgadm.streams.errors import MisuseError, StreamError

MOST_GUID = (1 << 64) - 1
"""The largest guid, a number of 64 bits."""

DEFAULT_BLOCK_SIZE = 8192
"""The usual volblocksize of a volume, in bytes."""

BLOCK_SIZES = tuple(512 << shift for shift in range(9))
"""The volblocksizes that every pool takes, because they need none of its features."""


@dataclass(frozen=True)
class RawVolume:
    """A raw disk as a snapshot of a volume, on which an incremental stream can be based.

    ``guid`` is that of the snapshot. ``size`` and ``block_size`` (volblocksize) are in bytes.
    """

    guid: int
    size: int
    block_size: int


@dataclass(frozen=True)
class NewSnapshot:
    """The snapshot of a volume that a new stream is to contain.

    ``guid`` identifies the snapshot on every pool that receives it, and must therefore be new and
    random. ``name`` is ``dataset@snapshot``. ``creation_time`` is in seconds since 1970. ``origin``
    is a raw disk and its volume, which must have the same block size. The stream then contains the
    blocks that differ from the origin, and pools receive it as a clone of the origin.
    """

    guid: int
    block_size: int = DEFAULT_BLOCK_SIZE
    name: str = "image@final"
    creation_time: int = 0
    origin: tuple[Path, RawVolume] | None = None

    def __post_init__(self) -> None:
        check_kind("guid", self.guid, int, "a random number of 64 bits")
        check_count("guid", self.guid, least=1, most=MOST_GUID)
        check_choice("block_size", self.block_size, BLOCK_SIZES)
        check_dataset("name", self.name, snapshot=True)
        check_count("creation_time", self.creation_time, most=MOST_GUID)
        if self.origin is not None and self.origin[1].block_size != self.block_size:
            raise MisuseError(
                "the block size must be that of the origin",
                got=self.block_size,
                wanted=self.origin[1].block_size,
            )

    def volume(self, size: int) -> RawVolume:
        """Return the volume that holds a disk of ``size`` bytes, in whole blocks."""
        blocks = -(-size // self.block_size)
        return RawVolume(self.guid, blocks * self.block_size, self.block_size)


def volume_of(summary: _native.StreamSummary) -> RawVolume:
    """Return the volume that a raw disk holds once the stream of ``summary`` has been applied.

    Raises StreamError if the stream does not record the size of the volume.
    """
    if summary.volume_size is None or summary.block_size is None:
        raise StreamError("the stream does not say how large the volume is")
    return RawVolume(summary.guid, summary.volume_size, summary.block_size)
