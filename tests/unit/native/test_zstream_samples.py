"""Streams of a real OpenZFS become the disks that it had."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from imgadm._native import ZfsStreamError
from tests.unit.native.zstream_samples import (
    allocated,
    receive,
    sample,
    sample_disk_sha256,
    sha256,
    slices,
    verify,
)

SIMPLE = [
    "zvol-full", "zvol-full-compressed", "zvol-full-props", "zvol-incr", "zvol-incr2", "zvol-128k",
    "zvol-embedded", "fs-full", "fs-incr",
]  # fmt: skip
FULL = {
    "zvol-full": "zvol-full",
    "zvol-full-compressed": "zvol-full",
    "zvol-full-props": "zvol-full",
    "zvol-128k": "zvol-128k",
    "zvol-embedded": "zvol-embedded",
}


@pytest.mark.parametrize("slice_size", [1 << 30, 1 << 20, 65536, 4099])
@pytest.mark.parametrize("name", FULL)
def test_full_stream_makes_the_disk(name: str, slice_size: int, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    summary = receive(slices(sample(name), slice_size), disk)
    assert sha256(disk) == sample_disk_sha256(FULL[name])
    assert disk.stat().st_size == summary.volume_size
    assert allocated(disk) < summary.logical_bytes + (1 << 20)


def test_incrementals_follow_their_origins(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    origin = receive(sample("zvol-full"), disk)
    for name in ["zvol-incr", "zvol-incr2"]:
        summary = receive(slices(sample(name), 100_003), disk, origin=origin)
        assert summary.from_guid == origin.guid
        assert summary.clone
        assert sha256(disk) == sample_disk_sha256(name)
        origin = summary


def test_full_stream_replaces_what_the_file_held(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(b"old" * 20_000_000)
    receive(sample("zvol-full"), disk)
    assert sha256(disk) == sample_disk_sha256("zvol-full")


def test_summary_of_a_volume() -> None:
    summary = verify(sample("zvol-full-compressed"))
    assert summary.type == "zvol"
    assert summary.guid == 17711019400046667811
    assert (summary.from_guid, summary.clone) == (0, False)
    assert summary.name == "zones/vol@final"
    assert (summary.volume_size, summary.block_size) == (32 << 20, 8192)
    assert (summary.features, summary.flags) == (0x420000, 12)
    assert summary.byte_order == "little"
    assert summary.stream_bytes == len(sample("zvol-full-compressed"))
    assert summary.logical_bytes == 446 * 8192 + 512
    assert summary.creation_time == 0x6B03C56C


def test_summary_of_a_file_system() -> None:
    summary = verify(sample("fs-incr"))
    assert summary.type == "zfs"
    assert summary.from_guid == verify(sample("fs-full")).guid
    assert (summary.volume_size, summary.block_size) == (None, None)


def test_package_of_several_snapshots_is_refused_by_name(tmp_path: Path) -> None:
    for use in (verify, lambda stream: receive(stream, tmp_path / "disk")):
        with pytest.raises(ZfsStreamError, match="got a package of several snapshots") as caught:
            use(sample("zvol-replication-compound"))
        assert caught.value.kind == "unsupported"


def test_package_with_properties_is_summed_up_by_its_stream() -> None:
    package, stream = verify(sample("zvol-full-props")), verify(sample("zvol-full"))
    assert package.stream_bytes == len(sample("zvol-full-props"))
    for fact in ("type", "guid", "name", "volume_size", "block_size", "logical_bytes"):
        assert getattr(package, fact) == getattr(stream, fact)


def test_file_system_cannot_become_a_disk(tmp_path: Path) -> None:
    with pytest.raises(ZfsStreamError, match="got the stream of a file system") as caught:
        receive(sample("fs-full"), tmp_path / "disk")
    assert caught.value.kind == "unsupported"


@pytest.mark.skipif(
    shutil.which("zstream") is None, reason="NOT COMPARED: zstream (zfsutils-linux) is missing"
)
@pytest.mark.parametrize("name", SIMPLE)
def test_record_counts_agree_with_zstream_dump(name: str) -> None:
    # zstream dump of OpenZFS 2.1 exits with 0 whatever it finds, so only its counts are used.
    dump = subprocess.run(
        ["zstream", "dump"], input=sample(name), stdout=subprocess.PIPE, check=True
    ).stdout.decode()
    assert "invalid checksum" not in dump
    counts = {kind: int(n) for kind, n in re.findall(r"Total DRR_(\w+) records = (\d+)", dump)}
    assert len(counts) >= 9
    summary = verify(sample(name))
    assert {kind: summary.records[kind] for kind in counts} == counts
    assert f"Total records = {sum(summary.records.values())}\n" in dump
    assert f"Total stream length = {summary.stream_bytes} " in dump
