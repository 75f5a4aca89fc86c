"""Disks to make images of: raw and sparse, or in the formats of virtual machines."""

from __future__ import annotations

import gzip
import random
import shutil
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

MIB = 1024 * 1024
DATA = Path(__file__).parent / "data" / "disks"

#: For tests of what is not raw.
needs_qemu = pytest.mark.skipif(
    not shutil.which("qemu-img") or not shutil.which("qemu-io"),
    reason="qemu-img and qemu-io are not installed (Debian: qemu-utils)",
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


def with_vhd_footer(
    content: bytes,
    *,
    creator: bytes = b"wa\0\0",
    kind: int = 2,
    stored: int | None = None,
    geometry: tuple[int, int, int] = (0, 0, 0),
) -> bytes:
    """A VHD that does not grow, of the ``kind`` 2, or what says that it is of another."""
    fixed = struct.pack(">8sIIQI4s8xQQ", b"conectix", 2, 1 << 16, (1 << 64) - 1, 0, creator, 0, 0)
    size = len(content) if stored is None else stored
    fixed = fixed[:40] + struct.pack(">QQHBBI", size, size, *geometry, kind)
    checksum = ~sum(fixed) & 0xFFFFFFFF
    return content + (fixed + struct.pack(">I", checksum)).ljust(512, b"\0")


def unzipped(name: str, folder: Path) -> Path:
    """A disk of ``tests/data/disks``, unpacked into the folder."""
    target = folder / name
    target.write_bytes(gzip.decompress((DATA / f"{name}.gz").read_bytes()))
    return target


def converted(raw: Path, format_: str, *options: str) -> Path:
    """The disk in another format, beside it."""
    target = raw.with_suffix(f".{format_}")
    argv = ["qemu-img", "convert", "-q", "-f", "raw", "-O", format_, *options, raw, target]
    subprocess.run(argv, check=True)
    return target
