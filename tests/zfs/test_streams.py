"""The sample streams, received by the real thing: proves the machine, and the recorded SHA-256s."""

from __future__ import annotations

import lzma
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.zfsvm import Session, volume_sha256

from .archives import members

DATA = Path(__file__).parents[1] / "data" / "zfs-streams"


@dataclass(frozen=True)
class Case:
    """Streams received one on top of the other, each on a clone, and the volume that results."""

    streams: tuple[str, ...]
    disk: str


CASES = [
    Case(("zvol-full",), "zvol-full"),
    Case(("zvol-full-compressed",), "zvol-full"),
    Case(("zvol-full-props",), "zvol-full"),
    Case(("zvol-full", "zvol-incr"), "zvol-incr"),
    Case(("zvol-full", "zvol-incr", "zvol-incr2"), "zvol-incr2"),
    Case(("zvol-128k",), "zvol-128k"),
    Case(("zvol-embedded",), "zvol-embedded"),
]


def unpacked(vm: Session, name: str) -> Path:
    """A sample file, unpacked where the guest sees it."""
    path = vm.exchange / name
    path.write_bytes(lzma.decompress((DATA / f"{name}.xz").read_bytes()))
    return path


def receive(vm: Session, streams: tuple[str, ...]) -> str:
    """Receive a chain of streams, the later ones as clones, and return the dataset of the last."""
    for name in streams:
        stream = unpacked(vm, f"{name}.zsend")
        vm.check(f"zfs receive zones/{name}@final <{shlex.quote(str(stream))}", timeout=120)
        stream.unlink()
    return f"zones/{streams[-1]}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: "+".join(case.streams))
def test_received_volume_is_the_recorded_disk(zones: Session, case: Case) -> None:
    recorded = (DATA / f"{case.disk}.raw.sha256").read_text().split()[0]
    assert volume_sha256(zones, receive(zones, case.streams)) == recorded


def test_received_file_systems_hold_the_recorded_files(zones: Session) -> None:
    receive(zones, ("fs-full", "fs-incr"))
    for name in ("fs-full", "fs-incr"):
        packed = zones.exchange / "received.tar"
        zones.check(f"tar --create --sort=name --file {packed} --directory /zones/{name} .")
        assert members(packed) == members(unpacked(zones, f"{name}.tar"))


def test_compound_stream_makes_no_volume_of_the_name_given(zones: Session) -> None:
    stream = unpacked(zones, "zvol-replication-compound.zsend")
    refused = zones.run(f"zfs receive zones/image@final <{shlex.quote(str(stream))}")
    assert refused.status != 0
    assert zones.check("zfs list -H -o name") == "zones\n"
