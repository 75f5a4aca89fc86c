"""Disks: told apart by their first bytes, opened only if all in one file, made into streams."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import pytest

from imgadm import streams
from imgadm._native import StreamSummary
from imgadm.streams.disk_formats import format_of
from imgadm.streams.qemu import QemuDisk
from tests.disks import MIB, converted, needs_qemu, raw_disk, some

from .stages import Collect, Supply, children

SIZE = 5 * MIB
HOLDING = {0: some(70_000), 2 * MIB + 512: some(MIB, 2), SIZE - 1: b"!"}
FORMATS = ("qcow2", "vmdk", "vhdx", "vdi")
SNAPSHOT = streams.Snapshot(guid=7)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return raw_disk(tmp_path / "disk.raw", SIZE, HOLDING)


def at(offset: int, magic: bytes) -> bytes:
    return (bytes(offset) + magic).ljust(512, b"\0")


@pytest.mark.parametrize(
    ("head", "wanted"),
    [
        (b"", "raw"),
        (bytes(512), "raw"),
        (at(510, b"\x55\xaa"), "raw"),
        (at(0, b"QFI\xfb"), "qcow2"),
        (at(0, b"KDMV"), "vmdk"),
        (at(0, b"vhdxfile"), "vhdx"),
        (at(0, b"conectix"), "vpc"),
        (at(0x40, b"\x7f\x10\xda\xbe"), "vdi"),
        (at(0, b"QED\0"), "QED"),
        (at(0, b"WithoutFreeSpace"), "Parallels"),
        (at(0, b"# Disk DescriptorFile\n"), "VMware disk description"),
        (at(0, b"PK\x03\x04"), "zip archive"),
        (at(257, b"ustar"), "tar archive"),
        (at(8, b"\xac\xcb\xba\xf5\x02\0\0\0"), "ZFS send stream"),
        (at(8, b"\0\0\0\x02\xf5\xba\xcb\xac"), "ZFS send stream"),
        (at(0, b"\x1f\x8b\x08"), "gzip data"),
        (at(0, b"\xfd7zXZ\0"), "xz data"),
    ],
)
def test_format_is_told_from_the_first_bytes(head: bytes, wanted: str) -> None:
    if wanted in streams.FORMATS:
        assert format_of(head) == wanted
    else:
        with pytest.raises(streams.DiskFormatError, match=wanted):
            format_of(head)


def test_disk_that_does_not_grow_is_told_from_its_last_bytes() -> None:
    assert format_of(bytes(512), b"conectix".ljust(512)) == "vpc"


def qcow2_header(*, version: int = 3, backing: int = 0, features: int = 0) -> bytes:
    fixed = struct.pack(">4sIQ", b"QFI\xfb", version, backing)
    return (fixed.ljust(72, b"\0") + struct.pack(">Q", features)).ljust(512, b"\0")


@pytest.mark.parametrize(
    ("content", "as_format", "message"),
    [
        (qcow2_header(backing=512), None, "has a backing file"),
        (qcow2_header(version=2, backing=512), None, "has a backing file"),
        (qcow2_header(features=4), None, "has its data in another file"),
        (qcow2_header(version=1), None, "qcow version 1"),
        (qcow2_header()[:60], None, "cut short"),
        (at(0, b"KDMV\1\0\0\0"), None, "is described by other files"),
        (bytes(512), "qcow2", "this is no qcow2 disk"),
        (b"", "raw", "the disk is empty"),
    ],
)
def test_disks_that_are_not_whole_are_refused_before_anything_opens_them(
    content: bytes, as_format: str | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "disk"
    path.write_bytes(content)
    with pytest.raises(streams.DiskFormatError, match=message):
        streams.open_disk(path, as_format=as_format, qemu_nbd="/there/is/no/such/program")


@needs_qemu
@pytest.mark.parametrize(
    ("format_", "options"),
    [
        ("qcow2", ()),
        ("qcow2", ("-c",)),
        ("qcow2", ("-o", "compat=0.10")),
        ("qcow2", ("-o", "refcount_bits=1,cluster_size=512")),
        ("vmdk", ()),
        ("vmdk", ("-o", "subformat=streamOptimized")),
        ("vdi", ()),
    ],
)
def test_disk_whose_end_is_missing_is_refused(
    format_: str, options: tuple[str, ...], raw: Path
) -> None:
    path = converted(raw, format_, *options)
    with streams.open_disk(path) as disk:
        assert disk.size >= SIZE
    size = path.stat().st_size
    for rest in (size * 9 // 10, size // 2, 2048):
        os.truncate(path, rest)
        with pytest.raises(streams.DiskFormatError, match=f"{format_} disk is cut short"):
            streams.open_disk(path)


@pytest.mark.parametrize(
    ("format_", "header"),
    [
        ("qcow2", at(0, b"QFI\xfb\0\0\0\3" + b"\xff" * 64 + bytes(24) + b"\xff" * 4)),
        ("qcow2", qcow2_header() + b"\0" * 400),
        ("vmdk", at(0, b"KDMV" + b"\xff" * 68)),
        ("vmdk", at(0, b"KDMV" + bytes(8) + b"\xff" * 40 + bytes(12))),
        ("vdi", at(0x40, b"\x7f\x10\xda\xbe" + b"\xff" * 440)),
    ],
)
def test_tables_that_make_no_sense_do_no_harm(format_: str, header: bytes, tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(header)
    with pytest.raises(streams.StreamError):
        streams.open_disk(path, as_format=format_)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(streams.DiskFormatError, match="a file or a block device is wanted"):
            streams.open_disk(path)
    with pytest.raises(FileNotFoundError):
        streams.open_disk(tmp_path / "nothing")
    with pytest.raises(ValueError, match="unknown format"):
        streams.open_disk(tmp_path, as_format="qcow3")


def received(disk: streams.Disk, copy: Path, **options: Any) -> StreamSummary:
    snapshot = streams.Snapshot(guid=7, **options)
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
        assert isinstance(disk.content, QemuDisk)
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


@needs_qemu
def test_program_of_a_disk_says_why_it_cannot_open_it(raw: Path) -> None:
    disk = converted(raw, "qcow2")
    with disk.open("r+b") as file:
        file.seek(24)
        file.write(b"\xff" * 8)
    with pytest.raises(streams.StreamError, match="qemu-nbd cannot open it: .*too"):
        streams.open_disk(disk)


@needs_qemu
def test_program_of_a_disk_ends_with_it(raw: Path) -> None:
    disk = streams.open_disk(converted(raw, "qcow2"))

    def fail() -> None:
        assert len(children()) == 1
        raise TimeoutError

    with disk, pytest.raises(TimeoutError):
        streams.run(streams.from_disk(disk, SNAPSHOT), Collect(on_piece=fail))
    assert children() == []


def test_missing_program_is_named(tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(qcow2_header())
    with pytest.raises(streams.StreamError, match="no-such-program"):
        streams.open_disk(tmp_path / "disk", qemu_nbd="no-such-program")


def test_disk_that_changes_while_it_is_read_is_no_image(tmp_path: Path) -> None:
    raw = raw_disk(tmp_path / "disk", 8 * MIB, {0: some(8 * MIB)})  # more than is read ahead

    def write() -> None:
        os.utime(raw, ns=(1, 1))

    with streams.open_disk(raw) as disk, pytest.raises(streams.DiskChangedError, match="changed"):
        streams.run(streams.from_disk(disk, SNAPSHOT), Collect(on_piece=write))


def test_disk_of_odd_size_is_filled_up_and_says_so(tmp_path: Path) -> None:
    odd = raw_disk(tmp_path / "odd", 10_000, {0: some(10_000)})
    wanted = (
        "the disk has 10000 bytes, which is no whole number of blocks: zeros fill it up to 16384"
    )
    with streams.open_disk(odd) as disk:
        whole = streams.run(
            streams.from_disk(disk, SNAPSHOT), streams.to_raw_disk(tmp_path / "copy")
        )
    arriving = streams.run(
        Supply([odd.read_bytes()]),
        streams.to_volume_stream(SNAPSHOT),
        streams.to_raw_disk(tmp_path / "again"),
    )
    for report, copy in ((whole, "copy"), (arriving, "again")):
        assert report.notes == [wanted]
        assert report.facts["volume"].size == 16384
        assert (tmp_path / copy).read_bytes() == some(10_000).ljust(16384, b"\0")


@pytest.mark.parametrize("piece", [1000, 300_000, SIZE])
def test_arriving_disk_becomes_a_volume(piece: int, raw: Path, tmp_path: Path) -> None:
    content = raw.read_bytes()
    report = streams.run(
        Supply([content[begin : begin + piece] for begin in range(0, SIZE, piece)]),
        streams.to_volume_stream(SNAPSHOT),
        streams.verify_zfs_stream(),
        streams.to_raw_disk(tmp_path / "copy"),
    )
    assert report.facts["volume"] == streams.Volume(7, SIZE, 8192)
    assert (tmp_path / "copy").read_bytes() == content


def test_arriving_disk_must_be_raw(tmp_path: Path) -> None:
    copy = streams.to_raw_disk(tmp_path / "copy")
    for pieces, message in (
        ([], "the disk is empty"),
        ([b"QF", b"I\xfb"], "this is a qcow2 disk"),
        ([b"PK\x03\x04", bytes(MIB)], "zip archive"),
    ):
        with pytest.raises(streams.DiskFormatError, match=message):
            streams.run(Supply(pieces), streams.to_volume_stream(SNAPSHOT), copy)
    streams.run(Supply([b"QFI\xfb"]), streams.to_volume_stream(SNAPSHOT, any_content=True), copy)
    assert (tmp_path / "copy").read_bytes() == b"QFI\xfb".ljust(8192, b"\0")


def test_incremental_stream_brings_what_differs(raw: Path, tmp_path: Path) -> None:
    with streams.open_disk(raw) as disk:
        base = streams.volume_of(received(disk, tmp_path / "copy"))
    changed = raw_disk(tmp_path / "changed", SIZE + MIB, {**HOLDING, MIB: some(100, 3)})
    snapshot = streams.Snapshot(guid=8, origin=(raw, base))
    with streams.open_disk(changed) as disk:
        report = streams.run(
            streams.from_disk(disk, snapshot),
            streams.to_raw_disk(tmp_path / "copy", origin=base),
        )
    summary = report.facts["zfs_stream"]
    assert (summary.from_guid, summary.records["WRITE"]) == (7, 2)  # the block, and the size
    assert (tmp_path / "copy").read_bytes() == changed.read_bytes()
    with pytest.raises(ValueError, match="block size must be that of the origin"):
        streams.Snapshot(guid=8, origin=(raw, base), block_size=512)
