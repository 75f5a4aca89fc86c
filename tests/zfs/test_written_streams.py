"""Streams that we make of raw disks, received by the real ``zfs receive``."""

from __future__ import annotations

import hashlib
import random
import shlex
from pathlib import Path

from imgadm.pools.sending import disk_stream
from imgadm.streams import RawVolume
from tests.stands.zfsvm import Session, volume_digests

from .test_recipes import MIB, make_disk

SIZE = 8 * MIB
BLOCK_SIZES = (512, 8192, 131072)


def test_disks_come_out_of_streams_as_they_went_in(zones: Session, tmp_path: Path) -> None:
    some = random.Random(8).randbytes
    first = {0: some(MIB), 3 * MIB + 512: some(70_000), SIZE - 1: b"!"}
    second = {**first, 4096: bytes(300_000), 3 * MIB: some(1000), 6 * MIB + 511: b"?"}
    base = make_disk(tmp_path / "base.raw", size=SIZE, holding=first)
    child = make_disk(tmp_path / "child.raw", size=SIZE, holding=second)

    received = []
    script = []
    for number, block_size in enumerate(BLOCK_SIZES, start=1):
        volumes = [
            RawVolume(2 * number, SIZE, block_size),
            RawVolume(2 * number + 1, SIZE, block_size),
        ]
        for name, disk, volume, origin in (
            ("base", base, volumes[0], None),
            ("child", child, volumes[1], (base, volumes[0])),
        ):
            stream = zones.exchange / f"{name}-{block_size}"
            chunks = disk_stream(
                disk, volume, name=f"image/{name}@final", creation_time=1, origin=origin
            )
            stream.write_bytes(b"".join(bytes(chunk) for chunk in chunks))
            dataset = f"zones/{stream.name}"
            script.append(f"zfs receive {dataset}@final <{shlex.quote(str(stream))} || exit 1")
            script.append(f"zfs get -Hp -o value volsize,volblocksize,origin {dataset}")
            received.append((dataset, disk, block_size))

    shown = zones.check("\n".join(script), timeout=200).splitlines()
    assert shown == [
        value
        for size in BLOCK_SIZES
        for origin in ("-", f"zones/base-{size}@final")
        for value in (str(SIZE), str(size), origin)
    ]
    assert volume_digests(zones, *(dataset for dataset, _, _ in received)) == [
        hashlib.sha256(disk.read_bytes()).hexdigest() for _, disk, _ in received
    ]
