"""A disk that looks like an operator's: a file system full of the files of this host."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

FILES = Path("/usr")
"""Where the files come from, and of which size at most."""
LARGEST_FILE = 48 * 1024 * 1024

DISK_UNIT = 1024 * 1024
"""The size of a disk is a multiple of this, in bytes."""

_SPARE = 64 * DISK_UNIT
"""Room for directories, inodes and the journal; unused room is a hole, and not sent."""

_FIXED_TIME = 1_767_225_600
_FIXED_UUID = "6f1d8f9a-3c0b-4a6e-9d55-0c3f2a7b1e10"
_COPY_SIZE = 1024 * 1024


def make_disk(disk: Path, size: int) -> None:
    """Make ``disk`` with an ext4 file system that holds about ``size`` bytes of files.

    Which files is a matter of their names alone, so the same host makes the same disk again.
    Raises CalledProcessError or OSError where there is no mke2fs.
    """
    staging = disk.with_suffix(".staging")
    shutil.rmtree(staging, ignore_errors=True)
    try:
        files = copy_files(staging, size)
        capacity = -(-size * 3 // 2 // DISK_UNIT) * DISK_UNIT + _SPARE
        search = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
        program = shutil.which("mke2fs", path=search)
        if program is None:
            raise FileNotFoundError("there is no mke2fs on this host; install e2fsprogs")
        disk.unlink(missing_ok=True)
        subprocess.run(
            [
                *[program, "-q", "-F", "-t", "ext4", "-b", "4096", "-U", _FIXED_UUID],
                *["-E", f"hash_seed={_FIXED_UUID},root_owner=0:0,lazy_itable_init=0"],
                *["-N", str(files * 2 + 4096), "-d", staging, disk, f"{capacity // 1024}k"],
            ],
            check=True,
            env={**os.environ, "E2FSPROGS_FAKE_TIME": str(_FIXED_TIME)},
            stdout=subprocess.DEVNULL,
        )
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def copy_files(target: Path, size: int) -> int:
    """Copy files until they fill ``size`` bytes of 4 KiB blocks; returns how many they are."""
    count = filled = 0
    for path, length in files_by_hash_of_name():
        blocks = -(-length // 4096) * 4096
        if filled + blocks > size:
            continue
        copy = target / path.relative_to(FILES)
        try:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        except OSError:  # unreadable, or gone meanwhile
            continue
        os.utime(copy, (_FIXED_TIME, _FIXED_TIME))
        count += 1
        filled += blocks
        if filled > size - 64 * 1024:
            break
    return count


def files_by_hash_of_name() -> list[tuple[Path, int]]:
    """Programs, libraries, documents and sources mixed as they are on a real disk."""
    found = [
        (hashlib.sha1(os.fsencode(path)).digest(), path, size)
        for path, size in _regular_files()
        if 0 < size <= LARGEST_FILE
    ]
    return [(path, size) for _, path, size in sorted(found)]


def _regular_files() -> Iterator[tuple[Path, int]]:
    for folder, _, names in os.walk(FILES):
        for name in names:
            path = Path(folder, name)
            try:
                status = path.lstat()
            except OSError:
                continue
            if stat.S_ISREG(status.st_mode):
                yield path, status.st_size


def repeat_disk(source: Path, target: Path, times: int) -> None:
    """Lay ``source`` ``times`` times behind one another, holes staying holes."""
    length = source.stat().st_size
    with source.open("rb") as reader, target.open("wb") as writer:
        for turn in range(times):
            reader.seek(0)
            while piece := reader.read(_COPY_SIZE):
                if piece.count(0) == len(piece):
                    writer.seek(len(piece), os.SEEK_CUR)
                else:
                    writer.write(piece)
            assert writer.tell() == length * (turn + 1)
        writer.truncate(length * times)
