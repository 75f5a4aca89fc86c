"""The sample streams, received by the real thing: proves the machine, and the recorded SHA-256s."""

from __future__ import annotations

import lzma
import shlex
from pathlib import Path

from tests.stands.zfsvm import Session, volume_digests

from .archives import members, packed

DATA = Path(__file__).parents[1] / "data" / "zfs-streams"

ORIGINS = {"zvol-incr": "zvol-full", "zvol-incr2": "zvol-incr", "fs-incr": "fs-full"}
DISKS = {
    "zvol-full": "zvol-full",
    "zvol-incr": "zvol-incr",
    "zvol-incr2": "zvol-incr2",
    "zvol-full-compressed": "zvol-full",
    "zvol-full-props": "zvol-full",
    "zvol-128k": "zvol-128k",
    "zvol-embedded": "zvol-embedded",
}


def unpacked(vm: Session, name: str) -> Path:
    """A sample file, unpacked where the guest sees it."""
    path = vm.exchange / name
    path.write_bytes(lzma.decompress((DATA / f"{name}.xz").read_bytes()))
    return path


def receive(vm: Session, *names: str) -> list[str]:
    """Receive streams, incremental ones as clones of those before, and return the datasets."""
    script = []
    for name in names:
        stream = shlex.quote(str(unpacked(vm, f"{name}.zsend")))
        clone = f"-o origin=zones/{ORIGINS[name]}@final" if name in ORIGINS else ""
        script.append(f"zfs receive {clone} zones/{name}@final <{stream} && rm {stream} || exit 1")
    vm.check("\n".join(script), timeout=240)
    return [f"zones/{name}" for name in names]


def test_received_volumes_are_the_recorded_disks(zones: Session) -> None:
    recorded = [(DATA / f"{disk}.raw.sha256").read_text().split()[0] for disk in DISKS.values()]
    assert volume_digests(zones, *receive(zones, *DISKS)) == recorded


def test_received_file_systems_hold_the_recorded_files(zones: Session) -> None:
    for dataset in receive(zones, "fs-full", "fs-incr"):
        recorded = unpacked(zones, f"{Path(dataset).name}.tar")
        assert members(packed(zones, f"/{dataset}")) == members(recorded)


def test_compound_stream_makes_no_volume_of_the_name_given(zones: Session) -> None:
    stream = unpacked(zones, "zvol-replication-compound.zsend")
    refused = zones.run(f"zfs receive zones/image@final <{shlex.quote(str(stream))}")
    assert refused.status != 0
    assert zones.check("zfs list -H -o name") == "zones\n"
