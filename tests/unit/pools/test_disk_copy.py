"""Copies of a disk: the same bytes, no more room than needed, and independent of the original."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgadm.pools import disk_copy
from imgadm.pools.disk_copy import copy_disk

MIB = 1 << 20
MKFS = {"xfs": ["mkfs.xfs", "-q", "-m", "reflink=1"], "btrfs": ["mkfs.btrfs", "-q"]}


def make_disk(path: Path, size: int = 64 * MIB) -> Path:
    """A disk that is mostly holes, with data at its start, its end and in between."""
    with path.open("wb") as file:
        file.truncate(size)
        for position in (0, 5 * MIB, size // 2 + 4096, size - 8192):
            file.seek(position)
            file.write(random.Random(position).randbytes(8192))
    return path


def allocated(path: Path) -> int:
    return path.stat().st_blocks * 512


def assert_good_copy(source: Path, target: Path) -> None:
    before = source.read_bytes()
    assert target.read_bytes() == before
    with target.open("r+b") as file:
        file.write(b"changed")
    assert source.read_bytes() == before


def test_holes_stay_holes(tmp_path: Path) -> None:
    source, target = make_disk(tmp_path / "source"), tmp_path / "target"
    copy_disk(source, target)
    assert allocated(target) < MIB
    assert_good_copy(source, target)


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097])
def test_small_disks(size: int, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(random.Random(size).randbytes(size))
    copy_disk(source, target)
    assert target.read_bytes() == source.read_bytes()


def test_nothing_but_a_hole(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.touch()
    os.truncate(source, 10 * MIB)
    copy_disk(source, target)
    assert target.stat().st_size == 10 * MIB
    assert allocated(target) == 0


@pytest.mark.parametrize(
    "missing", [("SEEK_DATA",), ("copy_file_range",), ("SEEK_DATA", "copy_file_range")]
)
def test_platforms_without_the_calls_of_linux(
    missing: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_copy.sys, "platform", "sunos5")
    for name in missing:
        monkeypatch.delattr(os, name)
    source, target = make_disk(tmp_path / "source", 9 * MIB), tmp_path / "target"
    copy_disk(source, target)
    assert_good_copy(source, target)


def test_copy_does_not_replace_a_file(tmp_path: Path) -> None:
    source, target = make_disk(tmp_path / "source"), tmp_path / "target"
    target.write_text("precious")
    with pytest.raises(FileExistsError):
        copy_disk(source, target)
    assert target.read_text() == "precious"


@pytest.fixture(params=MKFS)
def reflinking(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A small file system that can share extents between files."""
    kind = request.param
    if os.getuid() != 0 or shutil.which(MKFS[kind][0]) is None:
        pytest.skip(f"reflinks on {kind} are NOT tested: needs root and {MKFS[kind][0]}")
    image, place = tmp_path / f"{kind}.img", tmp_path / kind
    image.touch()
    os.truncate(image, 400 * MIB)
    place.mkdir()
    subprocess.run([*MKFS[kind], str(image)], check=True, capture_output=True)
    mount = ["mount", "-o", "loop", str(image), str(place)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"reflinks on {kind} are NOT tested: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_reflink_takes_no_room(reflinking: Path) -> None:
    source, target = reflinking / "source", reflinking / "target"
    source.write_bytes(random.Random(0).randbytes(32 * MIB))
    os.sync()
    before = os.statvfs(reflinking).f_bfree
    copy_disk(source, target)
    os.sync()
    status = os.statvfs(reflinking)
    assert (before - status.f_bfree) * status.f_frsize < 4 * MIB
    assert_good_copy(source, target)
