"""Streams applied to a raw disk: what is written, what stays a hole, what is refused."""

from __future__ import annotations

import errno
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgadm._native import RawDiskReceiver, StreamSummary, ZfsStreamError
from tests.unit.native.zstream_builder import (
    ALL,
    GUID,
    StreamBuilder,
    golden_stream,
    padded,
    volume_stream,
    zle,
)
from tests.unit.native.zstream_samples import allocated, receive, slices

KIB = 1024
PAGE = 4096
X, Y = b"x" * PAGE, b"y" * PAGE
Add = Callable[[StreamBuilder], object]


def refusal(stream: StreamBuilder, disk: Path, origin: StreamSummary | None = None) -> str:
    with pytest.raises(ZfsStreamError) as caught:
        receive(bytes(stream), disk, origin=origin)
    return f"{caught.value.kind}: {caught.value}"


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    return tmp_path / "disk"


@pytest.fixture
def origin(disk: Path) -> StreamSummary:
    """``disk`` holds four pages of x."""
    blocks = {at * PAGE: X for at in range(4)}
    return receive(bytes(volume_stream(blocks, size=4 * PAGE, block_size=PAGE)), disk)


def incremental(add: Add, size: int = 4 * PAGE) -> StreamBuilder:
    return volume_stream({}, size=size, block_size=PAGE, add=add, from_guid=GUID)


@pytest.mark.parametrize("order", ["<", ">"])
def test_golden_stream(order: str, disk: Path) -> None:
    summary = receive(bytes(golden_stream(order)), disk)
    assert disk.read_bytes() == bytes(range(256)) * 2 + bytes(512)
    assert (summary.volume_size, summary.block_size) == (1024, 512)


@settings(max_examples=30)
@given(st.lists(st.sampled_from("0xy"), max_size=40), st.integers(1, 9000))
def test_blocks_in_any_slices(
    tmp_path_factory: pytest.TempPathFactory, pattern: list[str], slice_size: int
) -> None:
    disk = tmp_path_factory.mktemp("slices") / "disk"
    pages = [{"0": bytes(PAGE), "x": X, "y": Y}[kind] for kind in pattern]
    blocks = {at * PAGE: page for at, page in enumerate(pages)}
    size = (len(pages) + 3) * PAGE
    receive(slices(bytes(volume_stream(blocks, size=size, block_size=PAGE)), slice_size), disk)
    assert disk.read_bytes() == b"".join(pages).ljust(size, b"\0")


def test_zeros_in_a_full_stream_stay_holes(disk: Path) -> None:
    blocks = {at * 64 * KIB: bytes(64 * KIB) for at in range(8)}
    blocks[0] = b"x" * 64 * KIB
    receive(bytes(volume_stream(blocks, size=64 << 20, block_size=64 * KIB)), disk)
    assert disk.stat().st_size == 64 << 20
    assert allocated(disk) == 64 * KIB


def test_zeros_in_an_incremental_stream_become_holes(disk: Path, origin: StreamSummary) -> None:
    assert allocated(disk) == 4 * PAGE
    receive(bytes(incremental(lambda b: b.write(PAGE, bytes(PAGE)))), disk, origin=origin)
    assert disk.read_bytes() == X + bytes(PAGE) + X + X
    assert allocated(disk) == 3 * PAGE


@pytest.mark.parametrize("punch_holes", [True, False])
@pytest.mark.parametrize(
    ("add", "wanted"),
    [
        (lambda b: b.free(1, PAGE, PAGE), X + bytes(PAGE) + X + X),
        (lambda b: b.free(1, PAGE, ALL), X + bytes(3 * PAGE)),
        (lambda b: b.free(1, 3 * PAGE, 360 << 20), X * 3 + bytes(PAGE)),
        (lambda b: b.free(1, 0, ALL).write(2 * PAGE, Y), bytes(2 * PAGE) + Y + bytes(PAGE)),
        (lambda b: b.free(1, PAGE, PAGE).free(1, 2 * PAGE, PAGE), X + bytes(2 * PAGE) + X),
        (lambda b: b.write(0, Y).write(2 * PAGE, Y), Y + X + Y + X),
        (lambda b: b.write(0, Y).write(0, bytes(PAGE)), bytes(PAGE) + X * 3),
        (lambda b: b.write(0, bytes(PAGE)).write(0, Y), Y + X * 3),
        (lambda b: b.free_objects(2, 1), X * 4),
    ],
)
def test_incremental_changes(
    add: Add, wanted: bytes, punch_holes: bool, disk: Path, origin: StreamSummary
) -> None:
    receive(bytes(incremental(add)), disk, origin=origin, punch_holes=punch_holes)
    assert disk.read_bytes() == wanted


@pytest.mark.parametrize("size", [2 * PAGE, 4 * PAGE, 9 * PAGE])
def test_volume_shrinks_and_grows(size: int, disk: Path, origin: StreamSummary) -> None:
    summary = receive(bytes(incremental(lambda b: None, size)), disk, origin=origin)
    assert disk.read_bytes() == (X * 4)[:size].ljust(size, b"\0")
    assert summary.volume_size == size


def test_stream_without_a_change_keeps_size_and_blocks(disk: Path, origin: StreamSummary) -> None:
    summary = receive(bytes(StreamBuilder().begin(from_guid=GUID).end()), disk, origin=origin)
    assert disk.read_bytes() == X * 4
    assert (summary.volume_size, summary.block_size) == (4 * PAGE, PAGE)


def test_freed_volume_object_empties_the_disk(disk: Path, origin: StreamSummary) -> None:
    builder = StreamBuilder().begin(from_guid=GUID).free_objects(1, 1).end()
    receive(bytes(builder), disk, origin=origin)
    assert disk.read_bytes() == bytes(4 * PAGE)


def test_repeated_blocks_are_read_back(disk: Path) -> None:
    stream = volume_stream(
        {0: X, PAGE: Y}, size=5 * PAGE, block_size=PAGE, features=3,
        add=lambda b: b.by_ref(2 * PAGE, PAGE, 0).by_ref(3 * PAGE, PAGE, PAGE),
    )  # fmt: skip
    for size in (len(bytes(stream)), 1000):
        receive(slices(bytes(stream), size), disk)
        assert disk.read_bytes() == X + Y + X + Y + bytes(PAGE)


def test_writing_behind_changes_nothing(disk: Path) -> None:
    stream = bytes(volume_stream({at * PAGE: X for at in range(64)}, size=1 << 20, block_size=PAGE))
    with disk.open("w+b") as file:
        receiver = RawDiskReceiver(file.fileno(), write_behind_step=16 * KIB)
        for piece in slices(stream, 10_000):
            receiver.write(piece)
        receiver.finish()
        assert receiver.bytes_written == 64 * PAGE
    assert disk.read_bytes() == (X * 64).ljust(1 << 20, b"\0")


@pytest.mark.parametrize(
    ("stream", "text"),
    [
        (StreamBuilder().begin(kind=2), "unsupported: got the stream of a file system"),
        (StreamBuilder().begin(features=0x1000000), "unsupported: got a raw (encrypted) stream"),
        (StreamBuilder().begin(features=0x100000), "unsupported: got a stream that resumes"),
        (StreamBuilder().begin(features=0x200000), "unsupported: got a redacted stream"),
        (StreamBuilder().begin(features=0x20), "unsupported: stream has features"),
        (
            StreamBuilder().begin(from_guid=77),
            "origin: got an incremental stream from the snapshot with guid 77, wanted a full",
        ),
        (StreamBuilder().begin().end(), "format: stream does not tell the size"),
    ],
)
def test_streams_that_are_no_full_volume(stream: StreamBuilder, text: str, disk: Path) -> None:
    assert refusal(stream, disk).startswith(text)


@pytest.mark.parametrize(
    ("add", "text"),
    [
        (lambda b: b.by_ref(PAGE, PAGE, 0, guid=9), "unsupported: got a deduplicated block"),
        (lambda b: b.by_ref(PAGE, PAGE, 0, number=2), "unsupported: got a deduplicated block"),
        (lambda b: b.by_ref(PAGE, PAGE, PAGE), "format: WRITE_BYREF record refers to data that"),
        (lambda b: b.write(512, X), "format: data at 512 does not begin at a block of 4096"),
        (lambda b: b.write(2**63 - PAGE, X), "is beyond any disk"),
        (lambda b: b.object(3, 19, 512), "format: object 3 of type 19 does not belong"),
        (lambda b: b.object(2, 23, 512), "format: object 2 of type 23 does not belong"),
        (lambda b: b.record("SPILL", (8, "Q", 1), (16, "Q", 512), payload=bytes(512)), "SPILL"),
        (lambda b: b.record("REDACT", (8, "Q", 1), (24, "Q", 512)), "REDACT"),
    ],
)
def test_records_that_are_not_of_a_volume(add: Add, text: str, disk: Path) -> None:
    builder = StreamBuilder().begin().object(1, 23, PAGE)
    add(builder)
    builder.end()
    assert text in refusal(builder, disk)


MIB = 1 << 20


def sized(mib: int, stream: StreamBuilder, disk: Path) -> StreamSummary:
    """Receive a stream that must be that of a volume of so many MiB."""
    with disk.open("w+b") as file:
        receiver = RawDiskReceiver(file.fileno(), size_in_mib=mib)
        receiver.write(bytes(stream))
        return receiver.finish()


@pytest.mark.parametrize(("size", "mib"), [(MIB, 1), (MIB + PAGE, 2), (2 * MIB, 2), (PAGE, 1)])
def test_volume_of_the_wanted_size(size: int, mib: int, disk: Path) -> None:
    stream = volume_stream({0: X, size - PAGE: Y}, size=size, block_size=PAGE)
    assert sized(mib, stream, disk).volume_size == size
    assert disk.stat().st_size == size


@pytest.mark.parametrize(
    ("stream", "text", "written"),
    [
        (
            StreamBuilder().begin().object(1, 23, PAGE).free(1, 5 * MIB, ALL),
            "got data up to byte 5242880 of the volume, wanted a volume of 2 MiB",
            0,
        ),
        (
            StreamBuilder().begin().object(1, 23, PAGE).write(0, X).write(2 * MIB, X),
            "got data up to byte 2101248 of the volume, wanted a volume of 2 MiB",
            PAGE,
        ),
        (
            StreamBuilder().begin().object(1, 23, PAGE).write(0, X).volume_end(2**62),
            "got a volume of 4611686018427387904 bytes (4398046511104 MiB), wanted one of 2 MiB",
            PAGE,
        ),
        (
            StreamBuilder().begin().object(1, 23, PAGE).volume_end(MIB),
            "got a volume of 1048576 bytes (1 MiB), wanted one of 2 MiB",
            0,
        ),
        (
            StreamBuilder().begin(features=3).object(1, 23, PAGE).write(0, X)
            .by_ref(2 * MIB, PAGE, 0),
            "got data up to byte 2101248 of the volume",
            PAGE,
        ),
    ],
    ids=["end of data", "data", "size", "too small", "reference"],
)  # fmt: skip
def test_volume_of_another_size_is_refused_before_it_is_written(
    stream: StreamBuilder, text: str, written: int, disk: Path
) -> None:
    with pytest.raises(ZfsStreamError) as caught:
        sized(2, stream, disk)
    assert caught.value.kind == "size"
    assert text in str(caught.value)
    assert disk.stat().st_size <= written


def test_incremental_stream_that_keeps_another_size(disk: Path, origin: StreamSummary) -> None:
    with disk.open("r+b") as file:
        receiver = RawDiskReceiver(file.fileno(), origin_guid=GUID, size_in_mib=2)
        with pytest.raises(
            ZfsStreamError, match=r"volume of 16384 bytes \(1 MiB\), wanted one of 2"
        ):
            receiver.write(bytes(StreamBuilder().begin(from_guid=GUID).end()))


@pytest.mark.parametrize("punch_holes", [True, False])
def test_freeing_the_same_data_over_and_over_ends(punch_holes: bool, disk: Path) -> None:
    size = 16 * MIB
    disk.write_bytes(b"x" * size)
    once = StreamBuilder().begin(from_guid=GUID).object(1, 23, PAGE).free(1, 0, size - PAGE)
    record = bytes(once)[-312:]
    with disk.open("r+b") as file:
        receiver = RawDiskReceiver(
            file.fileno(), origin_guid=GUID, origin_size=size, punch_holes=punch_holes
        )
        stream = StreamBuilder(record_checksums=False).begin(from_guid=GUID).object(1, 23, PAGE)
        receiver.write(bytes(stream))
        unsummed = record[:280] + bytes(32)
        with pytest.raises(ZfsStreamError, match="free the same data again and again"):
            receiver.write(unsummed * 100)


def test_writing_the_same_place_over_and_over_ends(disk: Path) -> None:
    large = 1 << 24
    stream = StreamBuilder(record_checksums=False).begin(features=0x80000).object(1, 23, large)
    start = len(bytes(stream))
    zeros = zle(bytes(large))
    stream.write(0, padded(zeros, 8), compression=14, length=large)
    record = bytes(stream)[start:]
    with disk.open("w+b") as file:
        receiver = RawDiskReceiver(file.fileno())
        receiver.write(bytes(stream))
        with pytest.raises(ZfsStreamError, match="writes the same place again and again"):
            receiver.write(record * 100)


def test_room_that_must_stay_free(disk: Path) -> None:
    free = os.statvfs(disk.parent)
    with disk.open("w+b") as file:
        receiver = RawDiskReceiver(file.fileno(), reserve=2 * free.f_blocks * free.f_frsize)
        with pytest.raises(ZfsStreamError, match="No space left") as caught:
            receiver.write(bytes(volume_stream({0: X}, size=PAGE, block_size=PAGE)))
    assert (caught.value.kind, caught.value.errno) == ("io", errno.ENOSPC)
    assert disk.stat().st_size == 0


def test_incremental_needs_its_origin(disk: Path, origin: StreamSummary) -> None:
    other = StreamBuilder().begin(from_guid=5)
    assert f"guid 5, wanted one from guid {GUID}" in refusal(other, disk, origin)
    blocks = StreamBuilder().begin(from_guid=GUID).object(1, 23, 8192)
    assert "origin: got an incremental stream with blocks of 8192 bytes, wanted 4096" in refusal(
        blocks, disk, origin
    )
    os.truncate(disk, PAGE)
    assert "origin: got a disk of 4096 bytes to change, wanted one of 16384" in refusal(
        incremental(lambda b: None), disk, origin
    )


def test_disk_must_be_a_regular_file() -> None:
    with Path("/dev/null").open("r+b") as file, pytest.raises(OSError, match="regular") as caught:
        RawDiskReceiver(file.fileno())
    assert caught.value.errno == errno.EINVAL


def test_full_disk_is_an_io_error(disk: Path) -> None:
    stream = bytes(volume_stream({at * PAGE: X for at in range(64)}, size=1 << 20, block_size=PAGE))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (32 * PAGE, limits[1]))
    try:
        with pytest.raises(ZfsStreamError, match=r"cannot write .* File too large") as caught:
            receive(stream, disk)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert (caught.value.kind, caught.value.errno) == ("io", errno.EFBIG)
