"""Streams made from raw disks, as by an operator who publishes a machine's image."""

from __future__ import annotations

import itertools
import json
import shlex
from collections.abc import Iterator
from pathlib import Path

from .pool import volume_device
from .session import Session

CHUNK = 128 * 1024
WRITE_LIMIT_S = 1200

COPY_EXTENTS = """
import json, os, sys
content, device, extents = sys.argv[1:]
with open(content, "rb") as source, open(device, "r+b", buffering=0) as volume:
    for offset, length in json.load(open(extents)):
        volume.seek(offset)
        volume.write(source.read(length))
    os.fsync(volume.fileno())
"""
"""Runs in the guest, which writes a volume at about 10 MB/s: hence extents, not whole disks.

They go through the exchange: what it once knew of the host's directories, the guest knows for good.
"""


def send_disk(
    vm: Session,
    disk: Path,
    dataset: str,
    *,
    origin: tuple[str, Path] | None = None,
    block_size: int = 8192,
    send_flags: tuple[str, ...] = (),
) -> Path:
    """Make a volume of a raw disk of the host, snapshot it `@final`, and send that.

    `disk` is a whole number of blocks long; `dataset` is the volume to create, which stays. With
    `origin`, dataset and disk of an earlier call, the volume is a clone of that, the stream
    incremental, and `block_size` (bytes) the origin's.

    Returns the stream, a file in ``vm.exchange``: move it to keep it. Only what differs from zeros,
    or from the origin's disk, is written: allow 10 s for 100 MB of it.
    """
    if origin is None:
        size = disk.stat().st_size
        vm.check(f"zfs create -s -o volblocksize={block_size} -V {size} {dataset}")
    else:
        vm.check(f"zfs clone {origin[0]}@final {dataset}")
    content, extents = vm.exchange / "content", vm.exchange / "extents"
    places = []
    with content.open("wb") as copy:
        for offset, chunk in differences(disk, origin[1] if origin else None):
            copy.write(chunk)
            places.append((offset, len(chunk)))
    extents.write_text(json.dumps(places))
    words = ["python3", "-c", COPY_EXTENTS, str(content), volume_device(vm, dataset), str(extents)]
    vm.check(shlex.join(words), timeout=WRITE_LIMIT_S)
    content.unlink()
    vm.check(f"zfs snapshot {dataset}@final")

    stream = vm.exchange / f"{dataset.replace('/', '-')}.zsend"
    since = ["-i", f"{origin[0]}@final"] if origin else []
    send = shlex.join(["zfs", "send", *send_flags, *since, f"{dataset}@final"])
    vm.check(f"{send} >{shlex.quote(str(stream))}", timeout=WRITE_LIMIT_S)
    return stream


def differences(disk: Path, origin: Path | None) -> Iterator[tuple[int, bytes]]:
    """Offset and bytes of each chunk of `disk` that differs from `origin`'s or zeros."""
    with disk.open("rb") as new, (origin or Path("/dev/zero")).open("rb") as old:
        for offset in itertools.count(0, CHUNK):
            chunk = new.read(CHUNK)
            if not chunk:
                return
            if chunk != old.read(len(chunk)):
                yield offset, chunk
