"""Disks to make images of: raw and sparse, or in the formats of virtual machines."""

from __future__ import annotations

import random
import shutil
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

MIB = 1024 * 1024

#: For tests of what is not raw.
needs_qemu = pytest.mark.skipif(
    not shutil.which("qemu-img") or not shutil.which("qemu-nbd"),
    reason="qemu-img and qemu-nbd are not installed (Debian: qemu-utils)",
)


def boot_sector(partition_end: int = 2048) -> bytes:
    """The first sector of a disk with one partition, which ends at that sector."""
    partition = struct.pack("<B3xB3xII", 0x80, 0x83, 1, partition_end - 1)
    return bytes(446) + partition.ljust(64, b"\0") + b"\x55\xaa"


def raw_disk(path: Path, size: int, holding: Mapping[int, bytes]) -> Path:
    """A sparse file with the given bytes at the given offsets."""
    with path.open("wb") as file:
        file.truncate(size)
        for offset, content in holding.items():
            file.seek(offset)
            file.write(content)
    return path


def some(size: int, seed: int = 1) -> bytes:
    """Bytes that do not compress, the same every time."""
    return random.Random(seed).randbytes(size)


def converted(raw: Path, format_: str, *options: str) -> Path:
    """The disk in another format, beside it."""
    target = raw.with_suffix(f".{format_}")
    argv = ["qemu-img", "convert", "-q", "-f", "raw", "-O", format_, *options, raw, target]
    subprocess.run(argv, check=True)
    return target
