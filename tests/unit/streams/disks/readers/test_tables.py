"""Headers and tables that name other files, what is not known, or what is not there."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest

from imgadm import streams
from imgadm.streams.disks.readers.crc32c import crc32c
from tests.disks import (
    MIB,
    boot_sector,
    converted,
    needs_qemu,
    raw_disk,
    some,
    unzipped,
    with_vhd_footer,
)

from .contents import content_of

SIZE = 4 * MIB


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    holding = {0: boot_sector(), MIB: some(300_000), 3 * MIB: b"\1" * 70_000}
    return raw_disk(tmp_path / "disk.raw", SIZE, holding)


def edit(path: Path, offset: int, content: bytes) -> None:
    """Write at an offset, from the end if it is negative."""
    with path.open("r+b") as file:
        file.seek(offset, 2 if offset < 0 else 0)
        file.write(content)


def big(number: int, size: int = 4) -> bytes:
    return number.to_bytes(size, "big")


def little(number: int, size: int = 4) -> bytes:
    return number.to_bytes(size, "little")


EDITS: list[tuple[str, int, bytes, str]] = [
    ("qcow2", 4, big(1), "qcow version 1, and 2 and 3 can be read; convert it first"),
    ("qcow2", 4, big(4), "qcow version 4"),
    ("qcow2", 8, big(4096, 8), "has a backing file, and imgadm reads only disks in one file"),
    ("qcow2", 20, big(40), r"clusters have 2\^40 bytes"),
    ("qcow2", 24, big(1000 << 40, 8), "has 1099511627776000 bytes, and disks of up to"),
    ("qcow2", 24, big(0, 8), "is empty"),
    ("qcow2", 24, big(1 << 40, 8), "first table has 1 entries"),
    ("qcow2", 32, big(2), "is encrypted; decrypt it first"),
    ("qcow2", 40, big(1 << 60, 8), "cut short"),
    ("qcow2", 72, big(2, 8), "says that it is damaged; look at it with qemu-img check"),
    ("qcow2", 72, big(4, 8), "has its data in another file"),
    ("qcow2", 72, big(32, 8), "features that imgadm does not know: 0x20"),
    ("qcow2", 104, b"\7", "a compression that imgadm does not know, 7"),
    ("vmdk", 4, little(9), "has version 9"),
    ("vmdk", 8, little(1 << 20 | 3), "flags that imgadm does not know"),
    ("vmdk", 12, bytes(8), "is described by other files"),
    ("vmdk", 12, little(1 << 30, 8), "describes 8192 sectors, and has 1073741824"),
    ("vmdk", 20, little(3, 8), "grains have 3 sectors"),
    ("vmdk", 20, little(1 << 16, 8), "grains have 65536 sectors"),
    ("vmdk", 28, bytes(8), "is a part of a disk that another file describes"),
    ("vmdk", 73, b"\n\n\r\n", "a transfer in text mode has changed it"),
    ("vmdk", 77, little(1, 2), "compressed in a way that imgadm does not know"),
    ("vdi", 0x44, little(0x00020000), "has version 2.0"),
    ("vdi", 0x4C, little(3), "the differences from another disk, its parent"),
    ("vdi", 0x4C, little(4), "the differences from another disk, its parent"),
    ("vdi", 0x4C, little(9), "of a type that imgadm does not know, 9"),
    ("vdi", 0x178, little(12345), "blocks of 12345 bytes"),
    ("vdi", 0x180, little(1), "table does not fit its size"),
    ("vdi", 0x1A8, some(16), "names a parent"),
    ("vdi", 0x1B8, some(16), "names a parent"),
    ("vpc", 48, big(2 * MIB, 8), "checksum of its footer is wrong"),
    ("vpc", 512 + 16, big(0, 8), "its header is wrong"),
    ("vpc", -512, b"elsewhat", "its footer is not at its end"),
    ("vhdx", 0, b"vhdxfolder", "this is no vhdx disk"),
    ("vhdx", 65536 + 8, b"\xff" * 8, ""),
    ("vhdx", 0x30000 + 20, b"\xff" * 8, ""),
]


@needs_qemu
@pytest.mark.parametrize(("format_", "offset", "content", "message"), EDITS)
def test_fields_decide(format_: str, offset: int, content: bytes, message: str, raw: Path) -> None:
    path = converted(raw, format_, *(["-o", "force_size"] if format_ == "vpc" else []))
    edit(path, offset, content)
    if not message:  # there is a second copy of what was damaged
        with streams.open_disk(path) as disk:
            assert content_of(disk) == raw.read_bytes()
        return
    with pytest.raises(streams.DiskFormatError, match=message):
        streams.open_disk(path, as_format=format_)


@needs_qemu
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"parentCID=ffffffff", b"parentCID=12345678", "its parent"),
        (b"parentCID=", b"parentCID=12345678\nparentCID=", "its parent"),
        (b"isNativeSnapshot=", b"parentFileNameHint=", "names a parent"),
        (b"monolithicSparse", b"twoGbMaxExtentSp", 'is of the type "twoGb'),
        (b"createType=", b"createtiPe=", "is a part of a disk"),
        (b"# The Disk Data Base", b'encryption.data = "a"', "is encrypted"),
        (b"# Extent description", b'RW 5 SPARSE "other" 0', "consists of 2 extents"),
        (b"SPARSE", b"VMFSRD", "or of one of another kind"),
    ],
)
def test_description_of_a_vmdk_decides(old: bytes, new: bytes, message: str, raw: Path) -> None:
    path = converted(raw, "vmdk")
    content = path.read_bytes()
    description = content[512 : 512 + 20 * 512]
    if old not in description:
        old = b"# The Disk Data Base"
    changed = description.replace(old, new, 1)[: 20 * 512].ljust(20 * 512, b"\0")
    path.write_bytes(content[:512] + changed + content[512 + 20 * 512 :])
    with pytest.raises(streams.DiskFormatError, match=message):
        streams.open_disk(path)


def with_checksum(header: bytes) -> bytes:
    blank = header[:4] + bytes(4) + header[8:]
    return header[:4] + little(crc32c(blank)) + header[8:]


@needs_qemu
def test_fields_of_a_vhdx_decide(raw: Path) -> None:
    path = converted(raw, "vhdx")
    content = path.read_bytes()
    assert crc32c(b"123456789") == 0xE3069283  # the check value of the CRC
    (metadata,) = struct.unpack_from(
        "<Q", content, content.index(bytes.fromhex("06a27c8b90479a4bb8fe575f050f886e")) + 16
    )
    parameters = content.index(bytes.fromhex("3767a1ca36fa434db3b633f0aa44e76b"))
    (at,) = struct.unpack_from("<I", content, parameters + 16)
    logged = with_checksum(content[65536 : 65536 + 48] + some(16) + content[65600 : 65536 + 4096])
    newer = with_checksum(logged[:8] + b"\xff" * 8 + logged[16:])
    for offset, change, message in (
        (metadata + at + 4, little(2), "its parent"),
        (metadata + at + 4, little(8), "flags that imgadm does not know"),
        (metadata + at, little(3 * MIB), "blocks of 3145728 bytes"),
        (parameters, some(16), "metadata that imgadm does not know"),
        (metadata + 10, bytes(2), "its metadata lack a size"),
        (65536, newer, "was not closed: its log"),
    ):
        path.write_bytes(content)
        edit(path, offset, change)
        with pytest.raises(streams.DiskFormatError, match=message):
            streams.open_disk(path)
    path.write_bytes(content)
    edit(path, 65536 + 100, b"!")
    edit(path, 131072 + 100, b"!")
    with pytest.raises(streams.DiskFormatError, match="both copies of its header are damaged"):
        streams.open_disk(path)


@needs_qemu
def test_disks_on_top_of_others_are_refused(raw: Path, tmp_path: Path) -> None:
    for format_ in ("qcow2", "vmdk"):
        base, top = converted(raw, format_), tmp_path / f"top.{format_}"
        argv = ["qemu-img", "create", "-q", "-f", format_, "-b", base, "-F", format_, top]
        subprocess.run(argv, check=True)
        with pytest.raises(streams.DiskFormatError, match="parent|backing file"):
            streams.open_disk(top)
    with pytest.raises(streams.DiskFormatError, match="its parent"):
        streams.open_disk(unzipped("vmdk-delta.vmdk", tmp_path))


@needs_qemu
def test_counts_of_references_do_not_matter(raw: Path) -> None:
    """They may tell of clusters behind the end, as after a crash; no table does."""
    path = converted(raw, "qcow2")
    (table,) = struct.unpack_from(">Q", path.read_bytes(), 48)
    (block,) = struct.unpack_from(">Q", path.read_bytes(), table)
    edit(path, block + 20_000, big(1, 2))
    edit(path, table + 8, big(1 << 40, 8))
    with streams.open_disk(path) as disk:
        assert content_of(disk) == raw.read_bytes()


@needs_qemu
def test_tables_that_name_more_than_there_is_are_refused(tmp_path: Path) -> None:
    """A few bytes, and the same cluster in a million places."""
    path = tmp_path / "bomb.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, "1T"], check=True)
    subprocess.run(
        ["qemu-io", "-f", "qcow2", "-c", "write -P 1 0 64k", path],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (first,) = struct.unpack_from(">Q", path.read_bytes(), 40)
    (entry,) = struct.unpack_from(">Q", path.read_bytes(), first)
    second = entry & ~(1 << 63)
    place = path.read_bytes()[second : second + 8]
    same = path.read_bytes()
    edit(path, first, big(entry, 8) * 2048)
    with pytest.raises(streams.DiskFormatError, match="two parts of the disk have the same table"):
        streams.open_disk(path)
    path.write_bytes(same)
    edit(path, second, place * 8192)
    with pytest.raises(streams.DiskFormatError, match="more clusters than the file has"):
        streams.open_disk(path)
    path.write_bytes(same)
    edit(path, second, big(int.from_bytes(place, "big") + 512, 8))
    with pytest.raises(streams.DiskFormatError, match="which is not the start of a cluster"):
        streams.open_disk(path)


@needs_qemu
def test_packed_data_is_not_named_again_and_again(tmp_path: Path) -> None:
    """A few bytes that unpack to 2 MiB, for a terabyte."""
    options = ("-c", "-o", "extended_l2=on,cluster_size=2M,compression_type=zstd")
    path = converted(raw_disk(tmp_path / "disk", 2 * MIB, {0: b"a" * 2 * MIB}), "qcow2", *options)
    content = path.read_bytes()
    (first,) = struct.unpack_from(">Q", content, 40)
    (entry,) = struct.unpack_from(">Q", content, first)
    second = entry & ~(1 << 63)
    tables = range(-(-len(content) // (2 * MIB)), 1 << 10)[:4]
    edit(path, 24, big(1 << 40, 8) + big(0) + big(len(tables)))
    edit(path, first, b"".join(big(number * 2 * MIB | 1 << 63, 8) for number in tables))
    for number in tables:
        edit(path, number * 2 * MIB, content[second : second + 16] * (1 << 17))
    with pytest.raises(streams.DiskFormatError, match="more clusters than the file has"):
        streams.open_disk(path)


@needs_qemu
def test_compressed_data_that_is_damaged_is_no_content(tmp_path: Path) -> None:
    raw = raw_disk(tmp_path / "disk", MIB, {0: b"one cluster" * 5000})
    for options in (("qcow2", "-c"), ("vmdk", "-o", "subformat=streamOptimized")):
        path = converted(raw, *options)
        end = len(path.read_bytes().rstrip(b"\0"))
        edit(path, end - 60, b"\xff" * 50)
        with pytest.raises(streams.DiskFormatError, match="data for its byte 0"):
            streams.open_disk(path)


def test_vhd_has_the_size_that_its_footer_says(tmp_path: Path) -> None:
    content = (boot_sector() + some(100_000)).ljust(MIB, b"\0")
    geometry = (30, 4, 17)
    by_geometry = 30 * 4 * 17 * 512
    for creator, size in (
        (b"wa\0\0", MIB),
        (b"vbox", MIB),
        (b"win ", MIB),
        (b"qem2", MIB),
        (b"tap\0", MIB),
        (b"\0\0\0\0", MIB),
        (b"vpc ", by_geometry),
        (b"qemu", by_geometry),
    ):
        path = tmp_path / "disk.vhd"
        path.write_bytes(with_vhd_footer(content, creator=creator, geometry=geometry))
        with streams.open_disk(path) as disk:
            assert (disk.format, disk.size) == ("vpc", size), creator
            assert content_of(disk) == content[:size]
    path.write_bytes(with_vhd_footer(content, creator=b"vpc ", geometry=(65535, 16, 255)))
    with streams.open_disk(path) as disk:
        assert disk.size == MIB
    with streams.open_disk(unzipped("vhd-virtualbox-20g.vhd", tmp_path)) as disk:
        assert disk.size == 20 << 30


def test_vhd_that_is_not_what_its_footer_says_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "disk.vhd"
    content = boot_sector() + bytes(MIB - 512)
    whole = with_vhd_footer(content)
    for changed, message in (
        (with_vhd_footer(content, kind=4), "the differences from another disk, its parent"),
        (with_vhd_footer(content, kind=3), "of type 3, and its first bytes are not those of"),
        (with_vhd_footer(content, kind=7), "of type 7"),
        (with_vhd_footer(content, stored=2 * MIB), "cut short: its footer says 2097152 bytes"),
        (with_vhd_footer(content, stored=512), "damaged: its footer says 512 bytes"),
        (whole[:-100] + b"!" * 100, "the checksum of its footer is wrong"),
        *((whole[:-cut], "is cut short, or other bytes follow it") for cut in (1, 300, 510, 511)),
        (whole + b"\n", "is cut short, or other bytes follow it"),
    ):
        path.write_bytes(changed)
        with pytest.raises(streams.DiskFormatError, match=message):
            streams.open_disk(path)
    with pytest.raises(streams.DiskFormatError, match="it has no footer at its beginning or end"):
        streams.open_disk(unzipped("gpt-4m-33sectors.raw", tmp_path), as_format="vpc")
