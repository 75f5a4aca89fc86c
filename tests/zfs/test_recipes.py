"""Streams made in the machine from raw disks reproduce those disks."""

from __future__ import annotations

import hashlib
import random
import shlex
from pathlib import Path

from tests.stands.zfsvm import Session, send_disk, volume_sha256

MIB = 1024 * 1024


def make_disk(path: Path, *, size: int, holding: dict[int, bytes]) -> Path:
    """A sparse file of `size` bytes that holds the given bytes at the given offsets."""
    with path.open("wb") as disk:
        disk.truncate(size)
        for offset, data in holding.items():
            disk.seek(offset)
            disk.write(data)
    return path


def test_full_and_incremental_streams_of_a_disk(zones: Session, tmp_path: Path) -> None:
    random_bytes = random.Random(20).randbytes
    first = {0: random_bytes(MIB), 9 * MIB + 512: random_bytes(5000), 32 * MIB - 1: b"!"}
    second = {**first, 512: bytes(4096), 20 * MIB: random_bytes(100_000)}
    base = make_disk(tmp_path / "base.raw", size=32 * MIB, holding=first)
    child = make_disk(tmp_path / "child.raw", size=32 * MIB, holding=second)

    full = send_disk(zones, base, "zones/base")
    incremental = send_disk(zones, child, "zones/child", origin=("zones/base", base))
    assert incremental.stat().st_size < full.stat().st_size / 2

    zones.check("zfs destroy -R zones/base")
    for stream, disk in ((full, base), (incremental, child)):
        dataset = f"zones/received-{disk.stem}"
        zones.check(f"zfs receive {dataset}@final <{shlex.quote(str(stream))}", timeout=120)
        assert volume_sha256(zones, dataset) == hashlib.sha256(disk.read_bytes()).hexdigest()
