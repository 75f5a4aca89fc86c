"""Large files leave the host's memory while they are written, and what can't do that is written."""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
from pathlib import Path

import pytest

from imgadm import streams
from imgadm._native import WriteBehind

from .stages import Supply

MEBIBYTE = 1024 * 1024
SIZE = 96 * MEBIBYTE

#: Pages of these file systems have no other place than memory.
IN_MEMORY = ("tmpfs", "ramfs")


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
    return max(within, key=lambda mount: len(mount[1]))[2] not in IN_MEMORY


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can be asked to")
def test_a_durable_file_is_not_kept_in_memory(way: str, tmp_path: Path) -> None:
    if not has_page_cache(tmp_path):
        pytest.skip("the temporary files are in memory by themselves")
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
    path = tmp_path / "file"
    pages = {number: os.urandom(4096) for number in (9, 3, 12, 0, 7, 7, 1, 11, 4)}
    with path.open("wb") as file:
        behind = WriteBehind(file.fileno(), 8192)
        for number, page in pages.items():
            os.pwrite(file.fileno(), page, number * 4096)
            behind.wrote(number * 4096, 4096)
    content = path.read_bytes()
    assert content == b"".join(pages.get(number, bytes(4096)) for number in range(13))
