"""The stream that a receiver gets: out of its package, checked, and not whole before the end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from imgadm._native import PlainStream, ZfsStreamError
from tests.unit.native.zstream_builder import (
    HEADER,
    StreamBuilder,
    golden_stream,
    package,
    volume_stream,
)
from tests.unit.native.zstream_samples import sample, slices, verify

MIB = 1 << 20
GOLDEN = bytes(golden_stream())
FILES = bytes(StreamBuilder().begin(kind=2).object(1, 21, 512).end())


def passed(pieces: Iterable[bytes | memoryview], **wanted: Any) -> list[bytes]:
    """What may be passed on of each piece, and at the very end."""
    stream, out = PlainStream(**wanted), []
    for piece in pieces:
        before, start, stop = stream.write(piece)
        out.append(before + bytes(piece[start:stop]))
    stream.finish()
    return [*out, stream.end_record]


def refused(pieces: Iterable[bytes | memoryview], **wanted: Any) -> tuple[ZfsStreamError, bytes]:
    """How a stream fails, and what has been passed on of it by then."""
    stream, seen = PlainStream(**wanted), bytearray()
    try:
        for piece in pieces:
            before, start, stop = stream.write(piece)
            seen += before + bytes(piece[start:stop])
        stream.finish()
    except ZfsStreamError as error:
        return error, bytes(seen)
    pytest.fail("it was not refused")


def unpacked(stream: bytes, size: int, **wanted: Any) -> bytes:
    return b"".join(passed(slices(stream, size), **wanted))


@pytest.mark.parametrize("size", [1, 7, 311, 312, 313, 1000, 1 << 20])
@pytest.mark.parametrize("order", ["<", ">"])
def test_nothing_of_a_package_comes_through(size: int, order: str) -> None:
    stream = bytes(golden_stream(order))
    assert unpacked(stream, size) == stream
    wrapped = package(golden_stream(order), order=order, contents=b"mountpoint=/etc\0")
    assert unpacked(wrapped, size) == stream


@pytest.mark.parametrize("size", [4093, 99_999, 1 << 20])
def test_a_package_of_a_real_zfs_has_the_stream_that_is_sent_without_it(size: int) -> None:
    assert unpacked(sample("zvol-full-props"), size) == sample("zvol-full")


@pytest.mark.parametrize("name", ["zvol-incr", "zvol-128k", "zvol-embedded", "fs-full", "fs-incr"])
def test_plain_streams_come_through_as_they_are(name: str) -> None:
    assert unpacked(sample(name), 10_007) == sample(name)


@pytest.mark.parametrize("stream", [GOLDEN, package(golden_stream())])
@pytest.mark.parametrize("size", [1, 100, 312, 1 << 20])
def test_the_end_comes_when_all_the_rest_has(stream: bytes, size: int) -> None:
    *pieces, last = passed(slices(stream, size))
    assert b"".join(pieces) == GOLDEN[:-HEADER]
    assert last == GOLDEN[-HEADER:]


@pytest.mark.parametrize("size", [1, 100, 311])
def test_no_header_comes_before_it_is_whole(size: int) -> None:
    stream, seen = PlainStream(), bytearray()
    for number, piece in enumerate(slices(GOLDEN, size), start=1):
        before, start, stop = stream.write(piece)
        seen += before + bytes(piece[start:stop])
        if number * size < HEADER:
            assert not seen
    bad = bytearray(GOLDEN)
    bad[HEADER + 24 + 3] ^= 0x80  # the block size of the first object
    error, passed_on = refused(slices(bytes(bad), size))
    assert (error.kind, passed_on) == ("checksum", GOLDEN[:HEADER])


REFUSED = {
    "several snapshots": (sample("zvol-replication-compound"), {}, "unsupported"),
    "two streams": (package(golden_stream(), golden_stream()), {}, "unsupported"),
    "no stream": (package(), {}, "format"),
    "package in a package": (package(golden_stream(), order="<")[:-HEADER] * 2, {}, "unsupported"),
    "something behind it": (GOLDEN + b"x", {}, "trailing"),
    "a file system": (FILES, {"kind": "zvol"}, "unsupported"),
    "a volume": (GOLDEN, {"kind": "zfs"}, "unsupported"),
    "a volume in a package": (package(golden_stream()), {"kind": "zfs"}, "unsupported"),
    "based on something": (sample("zvol-incr"), {"from_guid": 0}, "origin"),
    "based on something else": (sample("zvol-incr"), {"from_guid": 5}, "origin"),
    "raw": (bytes(StreamBuilder().begin(features=1 << 24)), {}, "unsupported"),
    "resumed": (bytes(StreamBuilder().begin(features=1 << 20)), {}, "unsupported"),
    "redacted": (bytes(StreamBuilder().begin(features=1 << 21)), {}, "unsupported"),
    "unknown feature": (bytes(StreamBuilder().begin(features=1 << 40)), {}, "unsupported"),
    "cut": (GOLDEN[:-1], {}, "truncated"),
    "cut package": (package(golden_stream())[:-1], {}, "truncated"),
    "nothing": (b"", {}, "truncated"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_never_gets_its_end(case: str) -> None:
    content, wanted, kind = REFUSED[case]
    error, passed_on = refused(slices(content, 1000), **wanted)
    assert error.kind == kind
    with pytest.raises(ZfsStreamError, match="wanted an END record"):
        verify(passed_on)


def test_a_volume_has_the_size_that_was_said() -> None:
    def of(size: int, blocks: dict[int, bytes] | None = None) -> bytes:
        return bytes(volume_stream(blocks or {}, size=size))

    assert unpacked(of(2 * MIB), 1 << 20, size_in_mib=2) == of(2 * MIB)
    assert unpacked(of(2 * MIB - 512), 1 << 20, size_in_mib=2) == of(2 * MIB - 512)
    for size in (MIB, 2 * MIB + 512, 3 * MIB, 1 << 60):
        with pytest.raises(ZfsStreamError, match=rf"got a volume of {size} bytes .* of 2 MiB"):
            unpacked(of(size), 1 << 20, size_in_mib=2)
    last = {2 * MIB - 512: b"x" * 512}
    assert unpacked(of(2 * MIB, last), 1 << 20, size_in_mib=2) == of(2 * MIB, last)


@pytest.mark.parametrize(
    "add",
    [
        lambda builder: builder.write(2 * MIB, b"x" * 512),
        lambda builder: builder.write(1 << 60, b"x" * 512),
        lambda builder: builder.embedded(2 * MIB, b"x" * 16, length=512, logical=16, compression=2),
        lambda builder: builder.by_ref(2 * MIB, 512, 0),
    ],
    ids=["data", "far data", "embedded", "repeated"],
)
def test_nothing_is_written_behind_the_end_of_a_volume(add: Any) -> None:
    stream = bytes(volume_stream({0: b"x" * 512}, size=2 * MIB, add=add))
    with pytest.raises(ZfsStreamError, match="wanted a volume of 2 MiB") as caught:
        unpacked(stream, 1 << 20, size_in_mib=2)
    assert caught.value.kind == "size"


@pytest.mark.parametrize(("number", "kind"), [(3, 23), (1, 19), (2, 23)])
def test_a_volume_has_no_other_objects(number: int, kind: int) -> None:
    stream = StreamBuilder().begin()
    if number > 1:
        stream.object(1, 23, 512)
    with pytest.raises(ZfsStreamError, match="does not belong to a volume"):
        unpacked(bytes(stream.object(number, kind, 512)), 1 << 20)


def test_a_kind_that_does_not_exist_is_no_kind() -> None:
    with pytest.raises(ValueError, match="zfs or zvol"):
        PlainStream(kind="disk")  # type: ignore[arg-type]
