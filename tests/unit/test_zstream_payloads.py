"""Payloads in every packing become the blocks that they were."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from imgadm._native import RawDiskReceiver, ZfsStreamError
from tests.unit.zstream_builder import (
    StreamBuilder,
    lz4,
    lzjb,
    padded,
    volume_stream,
    zle,
    zstd_payload,
)
from tests.unit.zstream_samples import receive, slices

BLOCK = 8192


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
