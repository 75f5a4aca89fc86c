"""Files that are no disks, and what is on those that are."""

from __future__ import annotations

import gzip
import shutil
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from imgadm import streams
from imgadm.streams.disks.disk_contents import known_content
from imgadm.streams.disks.formats import format_of
from tests.disks import MIB, boot_sector, raw_disk, some, unzipped, with_vhd_footer
from tests.unit.streams.stages import Supply

SNAPSHOT = streams.NewSnapshot(guid=7)
PAGE = b"<!DOCTYPE HTML>\n<html><head><title>Directory listing for /</title>" + b"<li>x" * 5000


def at(offset: int, magic: bytes, size: int = 512) -> bytes:
    return (bytes(offset) + magic).ljust(size, b"\0")


@pytest.mark.parametrize(
    ("head", "wanted"),
    [
        (b"", "raw"),
        (bytes(512), "raw"),
        (boot_sector(), "raw"),
        (some(512), "raw"),
        (b"\0abc" * 128, "raw"),
        (at(0, b"QFI\xfb"), "qcow2"),
        (at(0, b"KDMV"), "vmdk"),
        (at(0, b"vhdxfile"), "vhdx"),
        (at(0, b"conectix"), "vpc"),
        (at(0x40, b"\x7f\x10\xda\xbe"), "vdi"),
        (at(0, b"QED\0"), "QED"),
        (at(0, b"QFI\xfb\0\0\0\1"), "qcow version 1"),
        (at(0, b"WithoutFreeSpace"), "Parallels"),
        (at(0, b"COWD"), "VMware disk of an old kind"),
        (at(0, b"\xbe\xba\xfe\xca"), "seSparse"),
        (at(0, b"# Disk DescriptorFile\n"), "VMware disk description"),
        (b"\n\n# disk descriptorfile\nversion=1\n", "VMware disk description"),
        (at(0, b"#!/bin/sh\n#V2.0 Format\n"), "cloop"),
        (at(0, b"EVF\x09\r\n\xff\0"), "EWF"),
        (at(0, b"PK\x03\x04"), "zip archive"),
        (at(0, b"7z\xbc\xaf\x27\x1c"), "7z archive"),
        (at(0, b"Rar!\x1a\x07\1\0"), "rar archive"),
        (at(0, b"070701"), "cpio archive"),
        (at(0, b"\xc7\x71"), "cpio archive"),
        (at(257, b"ustar"), "tar archive"),
        (at(8, b"\xac\xcb\xba\xf5\x02\0\0\0"), "ZFS send stream"),
        (at(8, b"\0\0\0\x02\xf5\xba\xcb\xac"), "ZFS send stream"),
        (at(0, b"\x1f\x8b\x08"), "gzip data"),
        (at(0, b"\xfd7zXZ\0"), "xz data"),
        (at(0, b"\x04\x22\x4d\x18"), "lz4 data"),
        (at(0, b"\x02\x21\x4c\x18"), "lz4 data"),
        (at(0, b"LZIP\1"), "lzip data"),
        (at(0, b"\x89LZO\0\r\n\x1a\n"), "lzop data"),
        (at(0, b"\x1f\x9d\x90"), "compress data"),
        (at(0, b"]\0\0\x80\0" + b"\xff" * 8 + b"\0x"), "lzma data"),
        (at(0, b"]\0\0\x10\0" + (9000).to_bytes(8, "little") + b"\0x"), "lzma data"),
        (at(32769, b"CD001", 40_000), "CD or DVD without a partition table"),
        (boot_sector() + at(32257, b"CD001", 40_000), "raw"),
        (at(32769, b"BEA01", 40_000), "raw"),
        (PAGE, "web page"),
        (b"\r\n <hTmL>" + bytes(600), "web page"),
        (b"\xef\xbb\xbf<!-- x --><p>", "web page"),
        ("<html>é".encode("utf-16"), "web page"),
        (b'<?xml version="1.0"?><Error>', "XML document"),
        (b'{"code":"ResourceNotFound"}\n', "JSON text"),
        (b"404 page not found\n", "a text"),
        (("é" * 600).encode(), "a text"),
    ],
)
def test_format_is_told_from_the_first_bytes(head: bytes, wanted: str) -> None:
    if wanted in streams.DISK_FORMATS:
        assert format_of(head) == wanted
    else:
        with pytest.raises(streams.DiskFormatError, match=wanted):
            format_of(head)


def test_format_is_told_from_the_last_bytes() -> None:
    assert format_of(bytes(512), with_vhd_footer(b"")) == "vpc"
    with pytest.raises(streams.DiskFormatError, match="Apple disk"):
        format_of(bytes(512), b"koly".ljust(512, b"\0"))


def filtered(*argv: str) -> Callable[[Path, Path], None]:
    """Standard input to standard output."""

    def make(source: Path, target: Path) -> None:
        with source.open("rb") as read, target.open("wb") as write:
            subprocess.run(argv, stdin=read, stdout=write, check=True)

    return make


def run(*argv: str) -> Callable[[Path, Path], None]:
    """With SOURCE and TARGET as words, in the folder of the source."""

    def make(source: Path, target: Path) -> None:
        words = [{"SOURCE": source.name, "TARGET": target.name}.get(word, word) for word in argv]
        listed = {"input": source.name.encode()} if argv[0] == "cpio" else {}
        done = subprocess.run(words, cwd=source.parent, capture_output=True, check=True, **listed)
        if argv[0] == "cpio":
            target.write_bytes(done.stdout)

    return make


@pytest.mark.parametrize(
    ("make", "wanted", "program"),
    [
        (filtered("lz4", "-c"), "lz4 data", "lz4"),
        (filtered("lz4", "-l", "-c"), "lz4 data", "lz4"),
        (filtered("xz", "--format=lzma", "-0", "-c"), "lzma data", "xz"),
        (filtered("xz", "--format=lzma", "-9", "-c"), "lzma data", "xz"),
        (filtered("lzip", "-0", "-c"), "lzip data", "lzip"),
        (filtered("lzop", "-c"), "lzop data", "lzop"),
        (filtered("compress", "-c"), "compress data", "compress"),
        (filtered("zstd", "-q", "-c"), "zstd data", "zstd"),
        (run("7z", "a", "-bd", "TARGET", "SOURCE"), "7z archive", "7z"),
        (run("tar", "-cf", "TARGET", "SOURCE"), "tar archive", "tar"),
        (run("tar", "--format=v7", "-cf", "TARGET", "SOURCE"), "tar archive", "tar"),
        (run("cpio", "-o", "-H", "newc"), "cpio archive", "cpio"),
        (run("cpio", "-o", "-H", "odc"), "cpio archive", "cpio"),
        (run("cpio", "-o", "-H", "bin"), "cpio archive", "cpio"),
        (run("genisoimage", "-quiet", "-o", "TARGET", "SOURCE"), "CD or DVD", "genisoimage"),
        (run("qemu-img", "convert", "-O", "qed", "SOURCE", "TARGET"), "QED", "qemu-img"),
        (run("qemu-img", "convert", "-O", "qcow", "SOURCE", "TARGET"), "version 1", "qemu-img"),
        (run("qemu-img", "convert", "-O", "parallels", "SOURCE", "TARGET"), "Paral", "qemu-img"),
    ],
)
def test_what_other_programs_make_is_no_disk(
    make: Callable[[Path, Path], None], wanted: str, program: str, tmp_path: Path
) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    source = raw_disk(tmp_path / "disk.raw", MIB, {0: boot_sector(), 4096: some(50_000)})
    target = tmp_path / ("made.7z" if program == "7z" else "made")
    make(source, target)
    with pytest.raises(streams.DiskFormatError, match=wanted):
        streams.open_disk(target)
    with pytest.raises(streams.DiskFormatError, match=wanted):
        streams.run(
            Supply([target.read_bytes()]),
            streams.to_volume_stream(SNAPSHOT),
            streams.verify_zfs_stream(),
            streams.discard(),
        )
    with streams.open_disk(target, as_format="raw") as disk:
        assert disk.size == target.stat().st_size


def notes_of(path: Path) -> list[str]:
    """What is noted of a disk, the same from a file and as it arrives."""
    with streams.open_disk(path) as disk:
        from_file = streams.run(
            streams.from_disk(disk, SNAPSHOT), streams.verify_zfs_stream(), streams.discard()
        )
    arriving = streams.run(
        Supply([path.read_bytes()]),
        streams.to_volume_stream(SNAPSHOT),
        streams.verify_zfs_stream(),
        streams.discard(),
    )
    assert arriving.notes == from_file.notes
    return from_file.notes


def test_disk_with_nothing_known_on_it_is_doubted(tmp_path: Path) -> None:
    for content, known in (
        ({}, True),
        ({0: boot_sector()}, True),
        ({1080: b"\x53\xef"}, True),
        ({0: b"XFSB"}, True),
        ({0x10040: b"_BHRfS_M"}, True),
        ({0: b"LUKS\xba\xbe"}, True),
        ({512: b"LABELONE"}, True),
        ({4086: b"SWAPSPACE2"}, True),
        ({0: some(5000)}, False),
        ({100_000: b"x"}, False),
    ):
        notes = notes_of(raw_disk(tmp_path / "disk", MIB, content))
        assert ("neither a partition table" in "".join(notes)) is not known, content
    assert known_content(bytes(1000)) == "zeros"


def gpt(size: int, *, partition_end: int, sector: int = 512, damaged: bool = False) -> bytes:
    """The start of a disk of ``size`` bytes with one partition."""
    entry = b"\1" * 32 + struct.pack("<QQQ", 40, partition_end // sector - 1, 0)
    header = struct.pack("<8sIIIIQQ", b"EFI PART", 1 << 16, 92, 0, 0, 1, size // sector - 1)
    header = (header.ljust(72, b"\0") + struct.pack("<QIII", 2, 128, 128, 0)).ljust(92, b"\0")
    checksum = zlib.crc32(header) ^ damaged
    header = header[:16] + struct.pack("<I", checksum) + header[20:]
    protective = bytes(446) + struct.pack("<B3xB3xII", 0, 0xEE, 1, 0xFFFFFFFF)
    first = protective.ljust(510, b"\0") + b"\x55\xaa"
    return first.ljust(sector, b"\0") + header.ljust(sector, b"\0") + entry.ljust(128, b"\0")


@pytest.mark.parametrize("sector", [512, 4096])
def test_copy_of_a_gpt_that_is_not_at_the_end_is_told(sector: int, tmp_path: Path) -> None:
    size = MIB + 4096
    table = gpt(size, partition_end=MIB, sector=sector)
    [said] = notes_of(raw_disk(tmp_path / "disk", size, {0: table}))
    assert said.endswith(
        "zeros fill it up to 1056768; the backup copy of its GPT is then not at the end: run "
        "sgdisk -e in the machine to move it there, or use --block-size 4096, which fits"
    )
    [said] = notes_of(raw_disk(tmp_path / "disk", 2 * MIB, {0: table}))
    assert "has 2097152 bytes, and its GPT is made for 1052672" in said
    assert notes_of(raw_disk(tmp_path / "disk", MIB, {0: gpt(MIB, partition_end=MIB)})) == []
    [said] = notes_of(unzipped("gpt-4m-33sectors.raw", tmp_path))
    assert said.endswith("or use --block-size 512, which fits")


def ext4(size: int) -> dict[int, bytes]:
    return {1028: struct.pack("<I", size // 1024), 1080: b"\x53\xef"}


def xfs(size: int) -> dict[int, bytes]:
    return {0: b"XFSB" + struct.pack(">IQ", 4096, size // 4096)}


@pytest.mark.parametrize(
    "holding",
    [
        {0: gpt(2 * MIB, partition_end=MIB + 512)},
        {0: gpt(2 * MIB, partition_end=MIB + 4096, sector=4096)},
        ext4(2 * MIB),
        xfs(2 * MIB),
    ],
)
def test_disk_that_ends_before_what_is_on_it_is_refused(
    holding: dict[int, bytes], tmp_path: Path
) -> None:
    path = raw_disk(tmp_path / "disk", MIB, holding)
    with pytest.raises(
        streams.DiskFormatError, match="cut short: it has 1048576 bytes, and its content"
    ):
        streams.open_disk(path)
    with pytest.raises(
        streams.DiskFormatError, match="cut short: it has 1048576 bytes, and its content"
    ):
        streams.run(
            Supply([path.read_bytes()]),
            streams.to_volume_stream(SNAPSHOT),
            streams.verify_zfs_stream(),
            streams.discard(),
        )
    with streams.open_disk(path, as_format="raw") as disk:
        assert disk.size == MIB


def test_partitions_behind_the_end_are_told(tmp_path: Path) -> None:
    [said] = notes_of(raw_disk(tmp_path / "disk", MIB, {0: boot_sector(5000)}))
    assert said == "the disk has 1048576 bytes, and its partitions need 2560000: is it cut short?"
    damaged = gpt(2 * MIB, partition_end=2 * MIB, damaged=True)
    assert notes_of(raw_disk(tmp_path / "disk", MIB, {0: damaged})) == []


@pytest.mark.parametrize("piece", [100, 512, 5000, MIB])
def test_fixed_vhd_that_arrives_is_the_disk_without_its_footer(piece: int, tmp_path: Path) -> None:
    content = boot_sector() + some(300_000 - 480)[: 300_032 - 512]
    content = content[: len(content) // 512 * 512]
    whole = with_vhd_footer(content)
    stream = streams.NewSnapshot(guid=7, block_size=512)
    pieces = [whole[begin : begin + piece] for begin in range(0, len(whole), piece)]
    copy = streams.to_raw_disk(tmp_path / "copy")
    report = streams.run(Supply(pieces), streams.to_volume_stream(stream), copy)
    assert report.facts["volume"].size == len(content)
    assert (tmp_path / "copy").read_bytes() == content
    for bad, message in (
        (whole[512:], "cut short: its footer says"),
        (whole[:-7], "its footer is not at its end"),
        (with_vhd_footer(content, kind=4), "its parent"),
        (with_vhd_footer(content, creator=b"vpc ", geometry=(9, 2, 9)), "this is a vpc disk"),
    ):
        with pytest.raises(streams.DiskFormatError, match=message):
            streams.run(Supply([bad]), streams.to_volume_stream(stream), streams.discard())


def test_compression_is_told_without_taking_anything(tmp_path: Path) -> None:
    path = tmp_path / "packed"
    path.write_bytes(gzip.compress(b"x"))
    assert streams.compression_of(path) == "gzip"
    with path.open("rb") as file:
        assert streams.compression_of(f"/dev/fd/{file.fileno()}") == "gzip"
        assert file.read() == path.read_bytes()
