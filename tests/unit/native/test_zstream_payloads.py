"""Payloads in every packing become the blocks that they were."""

from __future__ import annotations

import random
import resource
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from imgadm._native import RawDiskReceiver, ZfsStreamError
from imgadm.streams.zfs.payloads import inflate_payload as inflate_bounded
from tests.unit.native.zstream_builder import (
    StreamBuilder,
    lz4,
    lzjb,
    padded,
    volume_stream,
    zle,
    zstd_payload,
)
from tests.unit.native.zstream_samples import receive, slices

BLOCK = 8192

#: A MiB as ``ru_maxrss`` counts: in KiB but for macOS.
MAXRSS_MIB = 1 << 20 if sys.platform == "darwin" else 1 << 10


def zstd(data: bytes) -> bytes:
    parameters = zstandard.ZstdCompressionParameters(
        format=zstandard.FORMAT_ZSTD1_MAGICLESS, write_content_size=False
    )
    return zstd_payload(zstandard.ZstdCompressor(compression_params=parameters).compress(data))


CODECS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "lzjb": (3, lzjb),
    "gzip-1": (5, lambda data: zlib.compress(data, 1)),
    "gzip-9": (13, zlib.compress),
    "zle": (14, zle),
    "lz4": (15, lz4),
    "zstd": (16, zstd),
}


def text_block() -> bytes:
    noise = random.Random(1).randbytes(1500)
    return (noise + b"a" * 3000 + bytes(2500) + b"end" * 64).ljust(BLOCK, b"\0")


def packed_stream(codec: str, content: bytes, order: str = "<") -> bytes:
    number, compress = CODECS[codec]
    payload = padded(compress(content))

    def add(builder: StreamBuilder) -> None:
        builder.write(BLOCK, payload, compression=number, length=len(content))

    return bytes(
        volume_stream({0: b"x" * BLOCK}, size=4 * BLOCK, block_size=BLOCK, add=add, order=order)
    )


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("codec", CODECS)
def test_compressed_block(codec: str, order: str, tmp_path: Path) -> None:
    stream = packed_stream(codec, text_block(), order)
    for size in (len(stream), 700):
        disk = tmp_path / f"disk-{size}"
        receive(slices(stream, size), disk)
        assert disk.read_bytes() == b"x" * BLOCK + text_block() + bytes(2 * BLOCK)


@given(st.sampled_from(["lzjb", "zle", "lz4"]), st.data())
def test_native_codecs_restore_any_block(
    tmp_path_factory: pytest.TempPathFactory, codec: str, data: st.DataObject
) -> None:
    runs = data.draw(st.lists(st.tuples(st.integers(0, 255), st.integers(1, 400)), min_size=1))
    content = b"".join(bytes([byte]) * count for byte, count in runs)[:4096].ljust(BLOCK, b"\0")
    disk = tmp_path_factory.mktemp("payload") / "disk"
    receive(packed_stream(codec, content), disk, hook=False)
    assert disk.read_bytes()[BLOCK : 2 * BLOCK] == content


def stream_with_payload(codec: str, payload: bytes) -> StreamBuilder:
    def add(builder: StreamBuilder) -> None:
        builder.write(0, padded(payload, 8), compression=CODECS[codec][0], length=BLOCK)

    return volume_stream({}, size=BLOCK, block_size=BLOCK, add=add)


@pytest.mark.parametrize("damage", ["cut", "noise", "longer"])
@pytest.mark.parametrize("codec", CODECS)
def test_damaged_but_rightly_summed_payload(codec: str, damage: str, tmp_path: Path) -> None:
    compress = CODECS[codec][1]
    whole = compress(text_block())
    payload = {
        "cut": whole[: len(whole) // 2],
        "noise": b"\xff" * 64,
        "longer": compress(text_block() + b"more" * 200),
    }[damage]
    stream = stream_with_payload(codec, payload)
    if damage == "longer" and codec in {"lzjb", "zle"}:
        # Neither knows its own length: what follows the block is padding.
        receive(bytes(stream), tmp_path / "disk")
        assert (tmp_path / "disk").read_bytes() == text_block()
        return
    with pytest.raises(ZfsStreamError, match=f"{codec.split('-')[0]} payload") as caught:
        receive(bytes(stream), tmp_path / "disk")
    assert (caught.value.kind, caught.value.offset) == ("format", stream.boundaries[2])


@pytest.mark.parametrize("codec", ["gzip-9", "zstd"])
def test_codecs_left_to_python_need_the_hook(codec: str, tmp_path: Path) -> None:
    with pytest.raises(ZfsStreamError, match=f"got a {codec.split('-')[0]} payload") as caught:
        receive(packed_stream(codec, text_block()), tmp_path / "disk", hook=False)
    assert caught.value.kind == "unsupported"


def receiver_with(hook: Callable[[str, bytes, int], bytes], disk: Path) -> RawDiskReceiver:
    with disk.open("w+b") as file:
        receiver = RawDiskReceiver(file.fileno(), inflate=hook)
        receiver.write(packed_stream("zstd", text_block()))
    return receiver


def test_hook_of_the_wrong_length(tmp_path: Path) -> None:
    with pytest.raises(ZfsStreamError, match="decompresses to 3 bytes, wanted 8192"):
        receiver_with(lambda codec, payload, size: b"abc", tmp_path / "disk")


def test_hook_that_is_interrupted(tmp_path: Path) -> None:
    def interrupted(codec: str, payload: bytes, size: int) -> bytes:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        receiver_with(interrupted, tmp_path / "disk")


def test_hook_that_reaches_for_its_receiver(tmp_path: Path) -> None:
    def greedy(codec: str, payload: bytes, size: int) -> bytes:
        receiver.write(b"more")
        return bytes(size)

    with (tmp_path / "disk").open("w+b") as file:
        receiver = RawDiskReceiver(file.fileno(), inflate=greedy)
        with pytest.raises(ZfsStreamError, match="object is in use by another call"):
            receiver.write(packed_stream("zstd", text_block()))


@pytest.mark.parametrize(
    ("compression", "payload"), [(2, b"plain text"), (15, lz4(b"a" * 400)), (14, zle(b"b" * 40))]
)
def test_embedded_block_is_filled_up_with_zeros(
    compression: int, payload: bytes, tmp_path: Path
) -> None:
    content = {2: b"plain text", 15: b"a" * 400, 14: b"b" * 40}[compression]

    def add(builder: StreamBuilder) -> None:
        builder.embedded(
            BLOCK, payload, length=BLOCK, logical=len(content), compression=compression
        )

    stream = volume_stream({0: b"x" * BLOCK}, size=2 * BLOCK, block_size=BLOCK, add=add)
    receive(bytes(stream), tmp_path / "disk", hook=False)
    assert (tmp_path / "disk").read_bytes() == b"x" * BLOCK + content.ljust(BLOCK, b"\0")


def test_large_blocks(tmp_path: Path) -> None:
    content = random.Random(2).randbytes(1 << 20)
    stream = volume_stream({1 << 20: content}, size=2 << 20, block_size=1 << 20, features=0x80000)
    receive(slices(bytes(stream), 65536), tmp_path / "disk")
    assert (tmp_path / "disk").read_bytes() == bytes(1 << 20) + content


MAGICLESS = zstandard.FORMAT_ZSTD1_MAGICLESS


def frame(content: bytes, **parameters: int | bool) -> bytes:
    """A frame without its magic number."""
    made = zstandard.ZstdCompressionParameters(format=MAGICLESS, **parameters)  # type: ignore[arg-type]
    return zstandard.ZstdCompressor(compression_params=made).compress(content)


def claimed(size: int) -> bytes:
    """A frame of no content that claims to have ``size`` bytes in a single segment."""
    return b"\xe0" + size.to_bytes(8, "little") + b"\x01\0\0"


def with_window(exponent: int) -> bytes:
    return bytes([0, (exponent - 10) << 3]) + b"\x01\0\0"


#: Runs of 128 KiB, three bytes of header and one of content each, in a frame of unknown size.
RUNS = bytes([0, 10 << 3]) + 20_000 * ((131072 << 3 | 2).to_bytes(3, "little") + b"a")
TEXT = text_block()

HOSTILE = {
    "claims 3 GiB": ("zstd", claimed(3 << 30), "claims 3221225472 bytes, wanted 8192"),
    "claims all there is": ("zstd", claimed((1 << 64) - 1), "zstd payload"),
    "claims nothing": ("zstd", claimed(0), "claims 0 bytes, wanted 8192"),
    "claims less than it has": ("zstd", frame(TEXT[:100]), "claims 100 bytes"),
    "has 256 MiB": ("zstd", frame(bytes(1 << 28), write_content_size=False), "zstd payload"),
    "runs for 2 GiB": ("zstd", RUNS + b"\x01\0\0", "zstd payload"),
    "window of 1 GiB": ("zstd", with_window(30), "needs a window of 1073741824 bytes"),
    "window beyond any": ("zstd", with_window(41), "zstd payload"),
    "dictionary": ("zstd", b"\x01\0\x07\x01\0\0", "needs the dictionary 7"),
    "cut before its checksum": ("zstd", frame(TEXT, write_checksum=True)[:-2], "zstd payload"),
    "skippable frame": (
        "zstd",
        struct.pack("<II", 0x184D2A50, 64) + bytes(64) + frame(TEXT),
        "zstd payload",
    ),
    "half in a second frame": ("zstd", frame(TEXT[:4096]) + frame(TEXT[4096:]), "claims 4096"),
    "no frame at all": ("zstd", b"", "zstd payload"),
    "zlib bomb": ("gzip-9", zlib.compress(bytes(1 << 26)), "decompresses to 8193 bytes"),
    "zlib cut before its sum": ("gzip-9", zlib.compress(TEXT)[:-4], "gzip payload"),
    "zlib without end": ("gzip-9", zlib.compress(TEXT + bytes(9999))[:60], "ends in the middle"),
}


@pytest.mark.parametrize("packing", ["WRITE", "WRITE_EMBEDDED"])
@pytest.mark.parametrize("name", HOSTILE)
def test_payload_that_would_take_more_than_its_record_says(
    name: str, packing: str, tmp_path: Path
) -> None:
    codec, content, text = HOSTILE[name]
    payload = zstd_payload(content) if codec == "zstd" else content
    builder = StreamBuilder().begin().object(1, 23, BLOCK)
    number = CODECS[codec][0]
    if packing == "WRITE":
        if len(padded(payload, 8)) > BLOCK:
            builder = StreamBuilder().begin(features=0x80000).object(1, 23, 1 << 20)
            text = text.replace("8192", "1048576").replace("8193", "1048577")
        length = BLOCK if len(padded(payload, 8)) <= BLOCK else 1 << 20
        builder.write(0, padded(payload, 8), compression=number, length=length)
    elif len(payload) <= 112:
        builder.embedded(0, payload, length=BLOCK, logical=BLOCK, compression=number)
    else:
        return
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    disk = tmp_path / "disk"
    with disk.open("w+b") as file:
        receiver = RawDiskReceiver(file.fileno(), inflate=inflate_bounded)
        with pytest.raises(ZfsStreamError) as caught:
            receiver.write(bytes(builder.end()))
    assert caught.value.kind == "format"
    assert text in str(caught.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 48 * MAXRSS_MIB
    assert disk.stat().st_size == 0


@pytest.mark.parametrize(
    ("size", "level"), [(512, 19), (8192, 3), (131072, 19), (1 << 20, 9), (1 << 24, 1)]
)
@pytest.mark.parametrize("sized", [True, False])
def test_frames_as_openzfs_makes_them(size: int, level: int, sized: bool) -> None:
    content = (random.Random(size).randbytes(300) + b"text" * 100) * (size // 700 + 1)
    made = zstandard.ZstdCompressionParameters.from_level(
        level, source_size=size, format=MAGICLESS, write_content_size=sized, write_checksum=False
    )
    packed = zstandard.ZstdCompressor(compression_params=made).compress(content[:size])
    assert inflate_bounded("zstd", packed + bytes(40), size) == content[:size]
