"""Streams that a real OpenZFS sent, and helpers to run them through the native core."""

from __future__ import annotations

import hashlib
import lzma
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from imgadm._native import RawDiskReceiver, StreamSummary, StreamVerifier
from tests.unit.native.zstream_builder import inflate

SAMPLES = Path(__file__).parents[2] / "data" / "zfs-streams"


@cache
def sample(name: str) -> bytes:
    return lzma.decompress((SAMPLES / f"{name}.zsend.xz").read_bytes())


def sample_disk_sha256(name: str) -> str:
    return (SAMPLES / f"{name}.raw.sha256").read_text().split()[0]


def slices(stream: bytes, size: int) -> Iterator[memoryview]:
    view = memoryview(stream)
    return (view[at : at + size] for at in range(0, len(view), size))


def verify(stream: bytes | Iterable[bytes | memoryview]) -> StreamSummary:
    verifier = StreamVerifier()
    for piece in [stream] if isinstance(stream, bytes) else stream:
        verifier.write(piece)
    return verifier.finish()


def receive(
    stream: bytes | Iterable[bytes | memoryview],
    disk: Path,
    *,
    origin: StreamSummary | None = None,
    hook: bool = True,
    punch_holes: bool = True,
) -> StreamSummary:
    """Apply a stream to ``disk``, which holds the volume of ``origin`` if there is one."""
    disk.touch()
    with disk.open("r+b") as file:
        receiver = RawDiskReceiver(
            file.fileno(),
            origin_guid=None if origin is None else origin.guid,
            origin_block_size=None if origin is None else origin.block_size,
            origin_size=None if origin is None else origin.volume_size,
            inflate=inflate if hook else None,
            punch_holes=punch_holes,
        )
        for piece in [stream] if isinstance(stream, bytes) else stream:
            receiver.write(piece)
        return receiver.finish()


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def allocated(path: Path) -> int:
    """Bytes that the file takes up; holes take none."""
    return path.stat().st_blocks * 512
