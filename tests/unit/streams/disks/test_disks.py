"""Disks: told apart by their first bytes, opened only if all in one file, made into streams."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import pytest

from imgadm import streams
from imgadm._native import StreamSummary
from imgadm.streams.disks.readers import MappedDisk
from tests.disks import MIB, boot_sector, converted, needs_qemu, raw_disk, some, with_vhd_footer
from tests.unit.streams.stages import Collect, Supply

SIZE = 5 * MIB
HOLDING = {0: boot_sector(), 512: some(70_000), 2 * MIB + 512: some(MIB, 2), SIZE - 1: b"!"}
FORMATS = ("qcow2", "vmdk", "vhdx", "vdi")
SNAPSHOT = streams.NewSnapshot(guid=7)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return raw_disk(tmp_path / "disk.raw", SIZE, HOLDING)


def qcow2_header(*, version: int = 3, backing: int = 0, features: int = 0) -> bytes:
    fixed = struct.pack(">4sIQ", b"QFI\xfb", version, backing)
    return (fixed.ljust(72, b"\0") + struct.pack(">Q", features)).ljust(512, b"\0")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(
            streams.DiskFormatError, match="a disk must be a file or a block device"
        ):
            streams.open_disk(path)
    with pytest.raises(FileNotFoundError):
        streams.open_disk(tmp_path / "nothing")
    with pytest.raises(ValueError, match="unknown format"):
        streams.open_disk(tmp_path, as_format="qcow3")


def received(disk: streams.Disk, copy: Path, **options: Any) -> StreamSummary:
    snapshot = streams.NewSnapshot(guid=7, **options)
    report = streams.run(streams.from_disk(disk, snapshot), streams.to_raw_disk(copy))
    summary: StreamSummary = report.facts["zfs_stream"]
    assert report.facts["volume"] == streams.volume_of(summary)
    return summary


@pytest.mark.parametrize("block_size", streams.BLOCK_SIZES)
def test_raw_disk_becomes_a_volume(block_size: int, raw: Path, tmp_path: Path) -> None:
    with streams.open_disk(raw) as disk:
        assert (disk.format, disk.size) == ("raw", SIZE)
        summary = received(disk, tmp_path / "copy", block_size=block_size)
    assert (summary.block_size, summary.volume_size, summary.features) == (block_size, SIZE, 0)
    assert (tmp_path / "copy").read_bytes() == raw.read_bytes()


@needs_qemu
@pytest.mark.parametrize("format_", FORMATS)
def test_other_disks_become_volumes(format_: str, raw: Path, tmp_path: Path) -> None:
    with streams.open_disk(converted(raw, format_)) as disk:
        assert (disk.format, disk.size) == (format_, SIZE)
        summary = received(disk, tmp_path / "copy")
        assert isinstance(disk.content, MappedDisk)
        if format_ in ("qcow2", "vmdk"):  # their holes are small enough to be seen here
            assert disk.content.find_data(MIB)[0] == 2 * MIB
        assert disk.content.find_data(SIZE) == (SIZE, SIZE)
    assert summary.records["WRITE"] < 160
    assert (tmp_path / "copy").read_bytes() == raw.read_bytes()


@needs_qemu
def test_compressed_and_fixed_disks_become_volumes(raw: Path, tmp_path: Path) -> None:
    fixed = ("vpc", "-o", "subformat=fixed,force_size")
    for number, options in enumerate([("qcow2", "-c"), fixed]):
        copy = tmp_path / f"copy-{number}"
        with streams.open_disk(converted(raw, *options)) as disk:
            assert disk.format == options[0]
            received(disk, copy)
        assert copy.read_bytes() == raw.read_bytes()


def test_disk_that_changes_while_it_is_read_is_no_image(tmp_path: Path) -> None:
    raw = raw_disk(tmp_path / "disk", 8 * MIB, {0: some(8 * MIB)})  # more than is read ahead

    def write() -> None:
        os.utime(raw, ns=(1, 1))

    with streams.open_disk(raw) as disk, pytest.raises(streams.DiskChangedError, match="changed"):
        streams.run(streams.from_disk(disk, SNAPSHOT), Collect(on_piece=write))


@pytest.mark.parametrize(
    ("size", "units"), [(10_240, "blocks"), (10_000, "sectors, as if it were cut short")]
)
def test_disk_of_odd_size_is_filled_up_and_says_so(size: int, units: str, tmp_path: Path) -> None:
    odd = raw_disk(tmp_path / "odd", size, {0: some(size), 0x1FE: b"\x55\xaa\x01"})
    content = odd.read_bytes()
    wanted = (
        f"the disk has {size} bytes, which is no whole number of {units}: zeros fill it up to 16384"
    )
    with streams.open_disk(odd) as disk:
        whole = streams.run(
            streams.from_disk(disk, SNAPSHOT), streams.to_raw_disk(tmp_path / "copy")
        )
    arriving = streams.run(
        Supply([content]),
        streams.to_volume_stream(SNAPSHOT),
        streams.to_raw_disk(tmp_path / "again"),
    )
    for report, copy in ((whole, "copy"), (arriving, "again")):
        assert report.notes == [wanted]
        assert report.facts["volume"].size == 16384
        assert (tmp_path / copy).read_bytes() == content.ljust(16384, b"\0")


def test_disk_with_partitions_that_ends_within_a_sector_is_cut(raw: Path, tmp_path: Path) -> None:
    """So does a VHD that does not grow, and has lost its footer and more."""
    for content in (raw.read_bytes(), with_vhd_footer(raw.read_bytes())):
        for cut in (1, 511, 700, 4095, 65535):
            part = content[:-cut]
            (tmp_path / "part").write_bytes(part)
            with pytest.raises(
                streams.DiskFormatError, match="is cut short, or other bytes follow"
            ):
                streams.open_disk(tmp_path / "part")
            with pytest.raises(
                streams.DiskFormatError, match="is cut short, or other bytes follow"
            ):
                streams.run(
                    Supply([part]),
                    streams.to_volume_stream(SNAPSHOT),
                    streams.to_raw_disk(tmp_path / "copy"),
                )
            with streams.open_disk(tmp_path / "part", as_format="raw") as disk:
                assert disk.size == len(part)


@pytest.mark.parametrize("piece", [1000, 300_000, SIZE])
def test_arriving_disk_becomes_a_volume(piece: int, raw: Path, tmp_path: Path) -> None:
    content = raw.read_bytes()
    report = streams.run(
        Supply([content[begin : begin + piece] for begin in range(0, SIZE, piece)]),
        streams.to_volume_stream(SNAPSHOT),
        streams.verify_zfs_stream(),
        streams.to_raw_disk(tmp_path / "copy"),
    )
    assert report.facts["volume"] == streams.RawVolume(7, SIZE, 8192)
    assert (tmp_path / "copy").read_bytes() == content


def test_arriving_disk_must_be_raw(tmp_path: Path) -> None:
    def copy() -> streams.Stage:
        return streams.to_raw_disk(tmp_path / "copy")

    for pieces, message in (
        ([], "the disk is empty"),
        ([b"QF", b"I\xfb"], "this is a qcow2 disk"),
        ([b"QF", b"I\xfb", bytes(MIB)], "this is a qcow2 disk"),
        ([b"conectix", bytes(MIB)], "this is a vpc disk"),
        ([b"PK\x03\x04", bytes(MIB)], "zip archive"),
    ):
        with pytest.raises(streams.DiskFormatError, match=message):
            streams.run(Supply(pieces), streams.to_volume_stream(SNAPSHOT), copy())
    streams.run(Supply([b"QFI\xfb"]), streams.to_volume_stream(SNAPSHOT, any_content=True), copy())
    assert (tmp_path / "copy").read_bytes() == b"QFI\xfb".ljust(8192, b"\0")


def test_incremental_stream_brings_what_differs(raw: Path, tmp_path: Path) -> None:
    with streams.open_disk(raw) as disk:
        base = streams.volume_of(received(disk, tmp_path / "copy"))
    changed = raw_disk(tmp_path / "changed", SIZE + MIB, {**HOLDING, MIB: some(100, 3)})
    snapshot = streams.NewSnapshot(guid=8, origin=(raw, base))
    with streams.open_disk(changed) as disk:
        report = streams.run(
            streams.from_disk(disk, snapshot),
            streams.to_raw_disk(tmp_path / "copy", origin=base),
        )
    summary = report.facts["zfs_stream"]
    assert (summary.from_guid, summary.records["WRITE"]) == (7, 2)  # the block, and the size
    assert (tmp_path / "copy").read_bytes() == changed.read_bytes()
    link = tmp_path / "link"
    link.symlink_to(raw)
    with streams.open_disk(changed) as disk, pytest.raises(OSError, match="a symbolic link"):
        streams.run(
            streams.from_disk(disk, streams.NewSnapshot(guid=8, origin=(link, base))),
            Collect(keep=False),
        )
    with pytest.raises(ValueError, match="block size must be that of the origin"):
        streams.NewSnapshot(guid=8, origin=(raw, base), block_size=512)


def test_closed_disk_is_refused(raw: Path) -> None:
    """Its descriptor may be that of another file by now."""
    with streams.open_disk(raw) as disk:
        pass
    with pytest.raises(streams.MisuseError, match="the disk has been closed"):
        streams.run(streams.from_disk(disk, SNAPSHOT), streams.discard())
