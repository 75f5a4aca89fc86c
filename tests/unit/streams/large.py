"""A program that sends large streams through one pipeline and says how much memory it took."""

from __future__ import annotations

import bz2
import gzip
import itertools
import lzma
import random
import subprocess
from collections.abc import Callable, Iterable

import zstandard

from imgadm import streams

from .stages import Collect, Supply, pieces

MIB = 1024 * 1024


def disk(size: int) -> bytes:
    """Bytes that compress about as well as a disk does."""
    noise = random.Random(9).randbytes(64 * 1024)
    text = b"all work and no play makes a dull boy\n" * 2000
    return b"".join(itertools.islice(itertools.cycle([noise, text, bytes(65536)]), size // 69000))


def again(compressed: bytes, content: int, total: int) -> Iterable[bytes]:
    """Files one after the other, until ``total`` bytes are in them."""
    for _ in range(total // content):
        yield from pieces(compressed, 256 * 1024)


def xz_blocks(content: bytes, block: int) -> bytes:
    command = ["xz", "-T2", "-0", f"--block-size={block}", "-c"]
    return subprocess.run(command, input=content, check=True, capture_output=True).stdout


def zeros_in_one_zstd_frame(total: int) -> Iterable[bytes]:
    compressor = zstandard.ZstdCompressor(level=1).compressobj()
    for _ in range(total // (16 * MIB)):
        yield compressor.compress(bytes(16 * MIB))
    yield compressor.flush()


def zeros_in_one_xz_block(total: int) -> Iterable[bytes]:
    compressor = lzma.LZMACompressor(preset=0)
    for _ in range(total // (16 * MIB)):
        yield compressor.compress(bytes(16 * MIB))
    yield compressor.flush()


Make = Callable[[bytes], bytes]


def repeated(make: Make, content: bytes, total: int) -> Iterable[bytes]:
    return again(make(content), len(content), total)


def plain(make: Make) -> Iterable[bytes]:
    return repeated(make, disk(30 * MIB), 600 * MIB)


def of_ours(content: bytes) -> bytes:
    sink = Collect()
    streams.run(Supply(pieces(content, MIB)), streams.compress("gzip"), sink)
    return bytes(sink.content)


zstd = zstandard.ZstdCompressor(level=3).compress

#: What goes through a decompressor, by name: hundreds of MiB like a disk, or of zeros.
STREAMS: dict[str, Callable[[], Iterable[bytes]]] = {
    "none": lambda: plain(bytes),
    "gzip": lambda: plain(lambda content: gzip.compress(content, 1)),
    "gzip of ours": lambda: plain(of_ours),
    "bzip2": lambda: repeated(bz2.compress, disk(10 * MIB), 300 * MIB),
    "xz": lambda: plain(lambda content: lzma.compress(content, preset=0)),
    "xz, small blocks": lambda: plain(lambda content: xz_blocks(content, MIB)),
    "xz, large blocks": lambda: repeated(
        lambda content: xz_blocks(content, 24 * MIB), disk(100 * MIB), 600 * MIB
    ),
    "xz -9": lambda: plain(lambda content: lzma.compress(content, preset=9)),
    "zstd": lambda: plain(zstd),
    "gzip bomb": lambda: repeated(
        lambda content: gzip.compress(content, 1), bytes(100 * MIB), 2000 * MIB
    ),
    "bzip2 bomb": lambda: repeated(bz2.compress, bytes(100 * MIB), 1000 * MIB),
    "xz bomb": lambda: zeros_in_one_xz_block(304 * MIB),
    "zstd bomb": lambda: zeros_in_one_zstd_frame(2000 * MIB),
}


#: What is compressed, by name: the compression, the level, how much, and the memory it may take.
UNCOMPRESSED = {
    "gzip": ("gzip", None, 400 * MIB, 96 * MIB),
    "gzip -6": ("gzip", 6, 100 * MIB, 96 * MIB),
    "bzip2": ("bzip2", None, 20 * MIB, 96 * MIB),
    "xz": ("xz", None, 60 * MIB, 230 * MIB),
    "xz -9": ("xz", 9, 60 * MIB, 230 * MIB),
    "zstd": ("zstd", None, 400 * MIB, 128 * MIB),
    "zstd -19": ("zstd", 19, 60 * MIB, 230 * MIB),
}


def compress(name: str) -> None:
    """Compress bytes like those of a disk on two threads."""
    compression, level, total, _ = UNCOMPRESSED[name]
    report = streams.run(
        Supply(again(disk(10 * MIB), 10 * MIB, total)),
        streams.compress(compression, level=level, threads=2),
        streams.checksum("sha1"),
        Collect(keep=False),
    )
    print(report.stages[1].bytes_in, report.peak_memory)


def main(name: str, compressed: str) -> None:
    """The stream is made by a process of its own, which writes it into ``compressed``, a pipe."""
    report = streams.run(
        streams.read_file(compressed),
        streams.checksum("sha1"),
        streams.decompress("none" if name == "none" else None),
        Collect(keep=False),
    )
    print(report.bytes_out, report.peak_memory, report.facts["compression"])
