"""Large files leave the host's memory while they are written, and what can't do that is written."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from imgadm import streams
from imgadm._native import WriteBehind
from tests.unit.streams.stages import Supply

MEBIBYTE = 1024 * 1024
SIZE = 96 * MEBIBYTE

#: The pages of these file systems are only in memory, or elsewhere than in the page cache.
WITHOUT_CACHE = ("tmpfs", "ramfs", "zfs")


def bytes_in_memory(path: Path) -> int:
    """How much of a file the kernel has in its page cache."""
    libc = ctypes.CDLL(None, use_errno=True)
    size = path.stat().st_size
    pages = -(-size // mmap.PAGESIZE)
    resident = (ctypes.c_ubyte * pages)()
    with path.open("r+b") as file, mmap.mmap(file.fileno(), size) as memory:
        address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        if libc.mincore(ctypes.c_void_p(address), ctypes.c_size_t(size), resident) != 0:
            raise OSError(ctypes.get_errno(), "mincore")
    return sum(page & 1 for page in resident) * mmap.PAGESIZE


def has_page_cache(folder: Path) -> bool:
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    within = [mount for mount in mounts if folder.resolve().is_relative_to(mount[1])]
    # In a changed root, the file system of the root may be none of those that are listed.
    kind = max(within, key=lambda mount: len(mount[1]))[2] if within else "unknown"
    return kind not in WITHOUT_CACHE


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can be asked to")
def test_a_durable_file_is_not_kept_in_memory(way: str, tmp_path: Path) -> None:
    if not has_page_cache(tmp_path):
        pytest.skip("the temporary files are not in the page cache")
    piece = os.urandom(MEBIBYTE)
    left = {}
    for durable in (True, False):
        path = tmp_path / f"{durable}"
        supply = Supply([piece] * (SIZE // MEBIBYTE))
        streams.run(supply, streams.write_file(path, durable=durable))
        left[durable] = bytes_in_memory(path)
        assert path.stat().st_size == SIZE
    assert left[False] > SIZE // 2
    assert left[True] < SIZE // 2


def test_a_descriptor_that_has_no_pages_is_left_alone() -> None:
    reader, writer = os.pipe()
    try:
        behind = WriteBehind(writer, 1)
        for offset in range(10):
            behind.wrote(offset, 1)
    finally:
        os.close(reader)
        os.close(writer)


def test_ranges_in_any_order(tmp_path: Path) -> None:
    path, pages = tmp_path / "file", {}
    with path.open("wb") as file:
        behind = WriteBehind(file.fileno(), 8192)
        for number in (9, 3, 12, 0, 7, 7, 1, 11, 4, 7, 2, 0, 5):
            pages[number] = os.urandom(4096)
            os.pwrite(file.fileno(), pages[number], number * 4096)
            behind.wrote(number * 4096, 4096)
    content = path.read_bytes()
    assert content == b"".join(pages.get(number, bytes(4096)) for number in range(13))


#: A device that turns out to have failed, told to whoever waits for it.
FAILING_DEVICE = """
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
int sync_file_range(int fd, off_t offset, off_t length, unsigned flags) {
    if (!(flags & SYNC_FILE_RANGE_WAIT_AFTER)) return 0;
    errno = ENODATA;
    return -1;
}
"""

WRITES_MUCH = """
import sys
from imgadm import streams
source, target = sys.argv[1:]
try:
    streams.run(streams.read_file(source), streams.checksum("md5"), streams.write_file(target))
except OSError as error:
    sys.exit(error.strerror)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can be asked to")
def test_what_the_device_did_not_take_is_told(tmp_path: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    library, target = tmp_path / "failing.so", tmp_path / "target"
    argv = [compiler, "-shared", "-fPIC", "-x", "c", "-", "-o", str(library)]
    subprocess.run(argv, input=FAILING_DEVICE.encode(), check=True)
    (tmp_path / "source").write_bytes(bytes(64 * MEBIBYTE))
    run = subprocess.run(
        [sys.executable, "-P", "-c", WRITES_MUCH, str(tmp_path / "source"), str(target)],
        env={**os.environ, "LD_PRELOAD": str(library)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stderr.strip() == "write to the device: " + os.strerror(errno.ENODATA)
    assert run.returncode == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["failing.so", "source"]
