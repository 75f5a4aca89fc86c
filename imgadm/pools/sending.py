"""The ZFS stream of an installed image: a file, or made while it is read."""

from __future__ import annotations

import os
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from imgadm._native import VolumeStreamWriter
from imgadm.base.files.opening import open_regular
from imgadm.streams import RawVolume

_PIECE = 1024 * 1024


@dataclass(frozen=True)
class StoredStream:
    """A stream in a file, open for reading; the caller closes ``file``."""

    file: BinaryIO


@dataclass(frozen=True)
class MadeStream:
    """A stream that is made while it is read, until the end or until the generator is closed.

    Each piece is valid until the next. ``repeatable`` tells whether the stream has the same bytes
    every time.
    """

    chunks: Generator[memoryview, None, None]
    repeatable: bool


def disk_stream(
    disk: Path,
    volume: RawVolume,
    *,
    name: str,
    creation_time: int,
    origin: tuple[Path, RawVolume] | None,
) -> Generator[memoryview, None, None]:
    """Yield the ZFS stream of a raw disk, each piece valid until the next.

    ``volume`` describes the disk. ``name`` is the name of the snapshot in the stream, and
    ``creation_time`` its time in seconds since 1970. The stream is incremental if the disk and the
    volume of the ``origin`` are given.
    """
    descriptor = open_regular(disk)
    base = -1
    try:
        if origin is not None:
            base = open_regular(origin[0])
        writer = VolumeStreamWriter(
            descriptor,
            size=volume.size,
            block_size=volume.block_size,
            guid=volume.guid,
            creation_time=creation_time,
            name=name,
            from_guid=0 if origin is None else origin[1].guid,
            origin_fd=base,
            origin_size=0 if origin is None else origin[1].size,
        )
        memory = memoryview(bytearray(_PIECE))
        while size := writer.readinto(memory):
            yield memory[:size]
    finally:
        os.close(descriptor)
        if base >= 0:
            os.close(base)
