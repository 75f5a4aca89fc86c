"""Disks that QEMU makes, of every kind: read as they are, and refused if something is missing."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import pytest

from imgadm import streams
from imgadm.streams.disks.readers import MappedDisk
from tests.disks import MIB, boot_sector, converted, needs_qemu, raw_disk, some

from .contents import content_of

pytestmark = needs_qemu


@dataclass(frozen=True)
class Kind:
    """A format, what it is made with, and the bytes of a cluster, block or grain."""

    format: str
    options: str = ""
    compressed: bool = False
    cluster: int = 64 * 1024

    def __str__(self) -> str:
        return " ".join(filter(None, (self.format, self.options, "-c" * self.compressed)))

    @property
    def is_raw_but_for_its_footer(self) -> bool:
        return self.format == "vpc" and "fixed" in self.options

    def made_of(self, raw: Path) -> Path:
        options = ["-o", self.options] if self.options else []
        return converted(raw, self.format, *options, *["-c"] * self.compressed)


KINDS = [
    Kind("qcow2"),
    Kind("qcow2", "compat=0.10"),
    Kind("qcow2", "cluster_size=512,refcount_bits=1", cluster=512),
    Kind("qcow2", "cluster_size=2M", cluster=2 * MIB),
    Kind("qcow2", "preallocation=metadata"),
    Kind("qcow2", "extended_l2=on,cluster_size=16k", cluster=16384),
    Kind("qcow2", "extended_l2=on", compressed=True),
    Kind("qcow2", compressed=True),
    Kind("qcow2", "compat=0.10", compressed=True),
    Kind("qcow2", "cluster_size=512", compressed=True, cluster=512),
    Kind("qcow2", "cluster_size=2M", compressed=True, cluster=2 * MIB),
    Kind("qcow2", "compression_type=zstd", compressed=True),
    Kind("vmdk"),
    Kind("vmdk", "zeroed_grain=on"),
    Kind("vmdk", "subformat=streamOptimized"),
    Kind("vdi", cluster=MIB),
    Kind("vdi", "static=on", cluster=MIB),
    Kind("vhdx", "block_size=1M", cluster=MIB),
    Kind("vhdx", "subformat=fixed,block_size=2M", cluster=2 * MIB),
    Kind("vpc", "force_size", cluster=2 * MIB),
    Kind("vpc", "subformat=fixed,force_size", cluster=512),
]

#: One ends with a whole cluster of every kind, the other in the middle of one, behind a hole.
SIZES = (4 * MIB, 4 * MIB + 1024 * 1024 + 3 * 512)


def disk_of(size: int, folder: Path) -> Path:
    holding = {
        0: boot_sector(),
        5000: some(70_000),
        MIB: b"\xaa" * 200_000,
        2 * MIB + 512: some(600_000, 2),
        size - 70_000: some(70_000, 3),
    }
    return raw_disk(folder / "disk.raw", size, holding)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_disk_is_read_as_it_was_written(kind: Kind, size: int, tmp_path: Path) -> None:
    raw = disk_of(size, tmp_path)
    with streams.open_disk(kind.made_of(raw)) as disk:
        assert (disk.format, disk.size) == (kind.format, size)
        assert content_of(disk) == raw.read_bytes()


@pytest.mark.parametrize("kind", KINDS[::7], ids=str)
def test_disk_that_is_exchanged_is_read_as_it_was_opened(kind: Kind, tmp_path: Path) -> None:
    """Its owner may put something else, such as a link to a secret, under its name meanwhile."""
    raw = disk_of(SIZES[0], tmp_path)
    path, secret = kind.made_of(raw), tmp_path / "secret"
    secret.write_bytes(b"secret" * 1_000_000)
    with streams.open_disk(path) as disk:
        path.unlink()
        path.symlink_to(secret)
        assert content_of(disk) == raw.read_bytes()


@pytest.mark.parametrize(("kind", "size"), list(zip(KINDS, cycle(SIZES), strict=False)), ids=str)
def test_disk_that_lacks_something_is_right_or_refused(
    kind: Kind, size: int, tmp_path: Path
) -> None:
    raw = disk_of(size, tmp_path)
    path = kind.made_of(raw)
    whole, size = raw.read_bytes(), path.stat().st_size
    refused = 0
    for cut in (1, 511, 512, 4096, kind.cluster - 1, size // 2, size * 3 // 4, size - 700):
        if cut >= 512 and kind.is_raw_but_for_its_footer:
            continue  # nobody can tell
        part = tmp_path / "part"
        part.write_bytes(path.read_bytes()[: size - cut])
        if (said := refusal(part, whole)) is not None:
            assert "cut short" in said
            refused += 1
    assert refused >= 2


def refusal(path: Path, content: bytes) -> str | None:
    """Why the disk is refused; None if it is read, and has the content."""
    try:
        with streams.open_disk(path) as disk:
            assert content_of(disk) == content
            return None
    except streams.DiskFormatError as error:
        return error.message


@pytest.mark.parametrize(
    ("format_", "size", "options"),
    [
        ("qcow2", 8 << 40, "cluster_size=64k"),
        ("vmdk", 8 << 40, "subformat=monolithicSparse"),
        ("vhdx", 8 << 40, "subformat=dynamic"),
        ("vdi", 8 << 40, "static=off"),
        ("qcow2", 100 << 30, "preallocation=metadata"),
        ("vdi", 100 << 30, "static=on"),
    ],
)
def test_empty_disk_is_read_at_once(format_: str, size: int, options: str, tmp_path: Path) -> None:
    """What is empty costs no more where there is much of it, nor where it has a place already."""
    path = tmp_path / "disk"
    create = ["qemu-img", "create", "-q", "-f", format_, "-o", options, path, str(size)]
    subprocess.run(create, check=True)
    with streams.open_disk(path) as disk:
        assert isinstance(disk.content, MappedDisk)
        assert disk.content.find_data(4096) == (size, size)  # a table may end in the first block
        stream = streams.from_disk(disk, streams.NewSnapshot(guid=7))
        report = streams.run(stream, streams.verify_zfs_stream(), streams.discard())
    assert report.facts["volume"].size == size
    assert report.facts["zfs_stream"].records["WRITE"] == 1  # its properties


def test_data_in_a_disk_with_room_made_in_advance_is_found(tmp_path: Path) -> None:
    for format_, options in (("qcow2", "preallocation=metadata"), ("vdi", "static=on")):
        path = tmp_path / format_
        create = ["qemu-img", "create", "-q", "-f", format_, "-o", options, path, "1G"]
        subprocess.run(create, check=True)
        write = ["-c", "write -P 7 300M 70000", "-c", "write -P 8 1073741312 512"]
        subprocess.run(["qemu-io", "-f", format_, *write, path], check=True, capture_output=True)
        with streams.open_disk(path) as disk:
            content = disk.content
            assert isinstance(content, MappedDisk)
            first, end = content.find_data(0)
            if first < MIB:  # where the table ends
                first, end = content.find_data(end)
            assert 299 * MIB < first <= 300 * MIB
            assert end < 302 * MIB
            assert bytes(content.read(300 * MIB, 70_001)) == b"\7" * 70_000 + b"\0"
            last, end = content.find_data(end)
            assert disk.size - 2 * MIB < last < end == disk.size
            assert bytes(content.read(disk.size - 513, 513)) == b"\0" + b"\x08" * 512
