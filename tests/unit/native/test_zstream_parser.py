"""What the parser notices, wherever a stream is cut, split or damaged."""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgadm._native import StreamVerifier, ZfsStreamError
from tests.unit.native.zstream_builder import (
    ALL,
    HEADER,
    StreamBuilder,
    golden_stream,
    package,
    volume_stream,
)
from tests.unit.native.zstream_samples import verify

ORDERS = {"little": "<", "big": ">"}
SMALL = bytes(golden_stream())


def error_of(stream: bytes) -> ZfsStreamError:
    with pytest.raises(ZfsStreamError) as caught:
        verify(stream)
    return caught.value


def records_of(builder: StreamBuilder) -> dict[str, int]:
    return {name: n for name, n in verify(bytes(builder)).records.items() if n}


@pytest.mark.parametrize("order", ORDERS)
def test_both_byte_orders(order: str) -> None:
    summary = verify(bytes(golden_stream(ORDERS[order])))
    assert summary.byte_order == order
    assert (summary.guid, summary.volume_size, summary.block_size) == (
        0x1122334455667788,
        1024,
        512,
    )
    assert summary.creation_time == 0x60000000
    assert records_of(golden_stream(ORDERS[order])) == {
        "BEGIN": 1, "OBJECT": 2, "FREEOBJECTS": 1, "WRITE": 2, "FREE": 2, "END": 1,
    }  # fmt: skip


@given(st.lists(st.integers(0, len(SMALL)), max_size=12))
def test_splits_anywhere(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(SMALL)]
    summary = verify(SMALL[a:b] for a, b in pairwise(edges))
    assert summary.stream_bytes == len(SMALL)
    assert summary.volume_size == 1024


def test_byte_by_byte() -> None:
    assert verify(SMALL[at : at + 1] for at in range(len(SMALL))).volume_size == 1024


@pytest.mark.parametrize("packaged", [False, True], ids=["stream", "package"])
@pytest.mark.parametrize("order", ORDERS)
def test_every_flipped_bit_is_noticed(order: str, packaged: bool) -> None:
    golden = golden_stream(ORDERS[order])
    stream = bytearray(package(golden, order=ORDERS[order]) if packaged else bytes(golden))
    for at in range(len(stream)):
        for bit in range(8):
            stream[at] ^= 1 << bit
            assert error_of(bytes(stream)).kind in {
                "checksum", "format", "unsupported", "truncated", "trailing",
            }  # fmt: skip
            stream[at] ^= 1 << bit


def test_damaged_payload_is_a_checksum_error_of_the_next_record() -> None:
    stream = bytearray(SMALL)
    stream[2700] ^= 1  # in the properties of the volume, which then make no sense
    error = error_of(bytes(stream))
    assert (error.kind, error.offset) == ("checksum", 3208)
    assert "got " in str(error)
    assert "wanted " in str(error)


def test_old_streams_have_no_record_checksums() -> None:
    builder = volume_stream({0: b"x" * 512}, size=512, record_checksums=False)
    assert verify(bytes(builder)).volume_size == 512
    stream = bytearray(bytes(builder))
    stream[2 * HEADER + 300] ^= 1
    assert error_of(bytes(stream)).kind == "checksum"
    stream = bytearray(bytes(builder))
    stream[3 * HEADER + 100] ^= 1  # in the payload: only END can tell
    assert error_of(bytes(stream)).offset == builder.boundaries[-1]


def test_truncation_anywhere_is_noticed() -> None:
    for length in range(len(SMALL)):
        error = error_of(SMALL[:length])
        assert (error.kind, error.offset) == ("truncated", length), length


def test_a_package_of_one_stream_counts_as_that_stream() -> None:
    for order in ORDERS.values():
        stream = package(golden_stream(order), order=order)
        for size in (1, 1000, len(stream)):
            summary = verify(stream[at : at + size] for at in range(0, len(stream), size))
            assert (summary.volume_size, summary.guid) == (1024, 0x1122334455667788)
            assert summary.stream_bytes == len(stream)
            assert (summary.records["BEGIN"], summary.records["END"]) == (2, 3)


def test_truncation_of_a_package_anywhere_is_noticed() -> None:
    stream = package(golden_stream())
    for length in range(len(stream)):
        error = error_of(stream[:length])
        assert (error.kind, error.offset) == ("truncated", length), length


@pytest.mark.parametrize(
    ("stream", "kind", "text"),
    [
        (package(), "format", "package is empty"),
        (package(golden_stream(), golden_stream()), "unsupported", "several snapshots"),
        (package(golden_stream()) + b"x", "trailing", "after the END record"),
        (package(golden_stream())[:-HEADER] + SMALL[HEADER:], "format", "goes on with something"),
        (package(contents=b"")[:HEADER] + SMALL, "format", "lacks its END"),
        (bytes(StreamBuilder().begin(header_type=2, kind=3)), "format", "object set type 3"),
        (package(StreamBuilder().begin(header_type=2)), "format", "header type 2"),
        (package(golden_stream(), contents=b"123"), "format", "payload size, 3"),
    ],
)
def test_packages_that_are_refused(stream: bytes, kind: str, text: str) -> None:
    error = error_of(stream)
    assert error.kind == kind
    assert text in str(error)


@pytest.mark.parametrize(
    ("length", "where"),
    [
        (0, "inside its first record"),
        (100, "inside its first record"),
        (312, "after a BEGIN record"),
        (313, "inside a record header"),
        (1248, "inside the payload of a WRITE record, 512 bytes short"),
        (1759, "inside the payload of a WRITE record, 1 bytes short"),
    ],
)
def test_truncation_says_where(length: int, where: str) -> None:
    assert where in str(error_of(SMALL[:length]))


def test_trailing_bytes() -> None:
    error = error_of(SMALL + b"\0")
    assert (error.kind, error.offset) == ("trailing", len(SMALL))
    verifier = StreamVerifier(allow_trailing_bytes=True)
    verifier.write(SMALL + b"\0" * 1000)
    verifier.write(b"\0" * 1000)
    assert verifier.finish().stream_bytes == len(SMALL)


@pytest.mark.parametrize("content", [b"PK\3\4" * 100, b"\0" * 20, SMALL[312:]])
def test_something_else_is_not_a_stream(content: bytes) -> None:
    error = error_of(content)
    assert (error.kind, error.offset) == ("format", 0)
    assert "wanted a ZFS send stream" in str(error)


def test_an_error_stays() -> None:
    verifier = StreamVerifier()
    with pytest.raises(ZfsStreamError, match="wanted a ZFS send stream"):
        verifier.write(b"\0" * 312)
    for again in (lambda: verifier.write(SMALL), verifier.finish):
        with pytest.raises(ZfsStreamError, match="wanted a ZFS send stream"):
            again()


def test_a_package_describes_itself_in_any_four_bytes_alignment() -> None:
    stream = package(golden_stream(), contents=b"nvl " * 247)  # 988 bytes, as real ones
    assert verify([stream]).volume_size == 1024


@pytest.mark.parametrize("size", [4, 988, 64 << 20, 0xFFFFFFF0])
def test_no_plain_stream_has_a_list_that_a_kernel_would_unpack(size: int) -> None:
    begin = bytearray(bytes(StreamBuilder().begin()))
    struct.pack_into("<I", begin, 4, size)
    error = error_of(bytes(begin) + SMALL[HEADER:])
    assert (error.kind, error.offset) == ("unsupported", 0)
    assert f"a list of {size} bytes" in str(error)


def test_a_package_that_zstream_has_written() -> None:
    """It gives checksums of their own to the ENDs of the package, too; zfs looks at neither."""
    for order in ORDERS.values():
        header = StreamBuilder(order, guid=0).begin(header_type=2, kind=0, flags=0).end()
        last = StreamBuilder(order)
        last.record("END")
        stream = b"".join(map(bytes, (header, golden_stream(order), last)))
        assert verify([stream]).volume_size == 1024
        for at in (2 * HEADER - 1, len(stream) - 1):
            bad = bytearray(stream)
            bad[at] ^= 1
            assert error_of(bytes(bad)).kind == "checksum"


def test_object_sets_of_old_senders_come_in_groups() -> None:
    builder = StreamBuilder().begin().free_objects(0, 1).object(1, 23, 512).free(1, 512, ALL)
    builder.object(2, 24, 512).free(2, 512, ALL).free_objects(3, 29)
    builder.write(0, b"x" * 512).free(1, 1024, ALL)
    builder.write(0, builder.properties(1024), number=2, kind=24).free(2, 512, ALL)
    builder.free_objects(32, 422212465065952).end()
    assert verify(bytes(builder)).volume_size == 1024


Add = Callable[[StreamBuilder], object]
BLOCK = b"x" * 512
LARGE_BLOCKS = 0x80000


@pytest.mark.parametrize(
    ("features", "text"),
    [
        (0x8, "unknown here: 0x8"),
        (1 << 18, "unknown here: 0x40000"),
        (1 << 40, "unknown here: 0x10000000000"),
        (0x1000000, "raw"),
    ],
)
def test_features_that_nobody_can_read(features: int, text: str) -> None:
    error = error_of(bytes(StreamBuilder().begin(features=features)))
    assert (error.kind, error.offset) == ("unsupported", 0)
    assert text in str(error)


@pytest.mark.parametrize(
    ("begin", "text"),
    [
        ({"header_type": 3}, "header type 3"),
        ({"kind": 1}, "object set type 1"),
        ({"name": b"zones/img"}, "does not name a snapshot"),
        ({"name": b"a@" + b"x" * 254}, "does not name a snapshot"),
    ],
)
def test_begin_must_make_sense(begin: dict[str, int | bytes], text: str) -> None:
    error = error_of(bytes(StreamBuilder().begin(**begin)))  # type: ignore[arg-type]
    assert error.kind == "format"
    assert text in str(error)


@pytest.mark.parametrize(
    ("add", "text"),
    [
        (lambda b: b.record(11), "record type 11 is unknown"),
        (lambda b: b.begin(), "BEGIN record appears twice"),
        (lambda b: b.record("OBJECT_RANGE"), "OBJECT_RANGE record belongs to raw streams"),
        (lambda b: b.write(0, BLOCK, length=256), "impossible length, 256"),
        (lambda b: b.write(0, b"", length=131072 + 512), "impossible length, 131584"),
        (lambda b: b.write(ALL - 511, BLOCK), "impossible offset"),
        (lambda b: b.write(0, BLOCK, number=0), "impossible object number, 0"),
        (lambda b: b.write(0, BLOCK, number=1 << 48), "impossible object number"),
        (lambda b: b.write(0, BLOCK, kind=54), "impossible object type, 54"),
        (lambda b: b.write(0, BLOCK, compression=2), "impossible compression, 2"),
        (lambda b: b.write(0, BLOCK, compression=17), "impossible compression, 17"),
        (lambda b: b.write(0, BLOCK * 2, compression=15, length=512), "compressed size, 1024"),
        (lambda b: b.write(0, b"", compression=15, length=512), "compressed size, 0"),
        (lambda b: b.embedded(0, b"x" * 113, length=512, logical=113, compression=2), "113"),
        (lambda b: b.embedded(0, b"x" * 9, length=512, logical=8, compression=2), "size"),
        (lambda b: b.embedded(0, b"x", length=512, logical=513, compression=15), "size, 513"),
        (lambda b: b.embedded(0, b"x", length=512, logical=1, compression=0), "compression, 0"),
        (lambda b: b.embedded(0, b"x", length=512, logical=1, compression=2, kind=1), "embedded"),
        (lambda b: b.by_ref(0, 256, 0), "impossible length, 256"),
        (lambda b: b.by_ref(0, 512, ALL), "impossible source offset"),
        (lambda b: b.free(1, 2, ALL - 1), "FREE record has an impossible length"),
        (lambda b: b.free_objects(2, ALL), "impossible count of objects"),
        (lambda b: b.object(2, 0, 512), "impossible object type, 0"),
        (lambda b: b.object(2, 24, 0), "impossible block size, 0"),
        (lambda b: b.object(2, 24, 513), "impossible block size, 513"),
        (lambda b: b.object(2, 24, 32 << 20), "impossible block size"),
        (lambda b: b.object(2, 24, 512, slots=2), "impossible slots, 2"),
        (lambda b: b.object(2, 24, 512, bonus=b"x" * 8), "impossible bonus length, 8"),
        (lambda b: b.object(2, 24, 512, bonus_type=17), "impossible bonus length, 0"),
        (lambda b: b.object(2, 24, 512, bonus_type=17, bonus=b"x" * 321), "length, 321"),
        (lambda b: b.object(2, 24, 512, checksum_type=15), "checksum type, 15"),
        (lambda b: b.object(2, 24, 512, compress=17), "compress setting, 17"),
        (lambda b: b.object(2, 24, 512, flags=2), "impossible flags, 2"),
        (lambda b: b.object(2, 24, 512, raw_bonus_length=8), "raw fields"),
        (lambda b: b.object(1, 23, 512), "object 1 comes after object 1"),
        (lambda b: b.write(0, BLOCK, number=2), "object 2 comes before its OBJECT"),
        (lambda b: b.free(2, 0, 512), "object 2 comes before its OBJECT"),
        (lambda b: b.write(512, BLOCK).write(0, BLOCK), "at 0 comes after data"),
        (lambda b: b.object(2, 24, 512).write(512, BLOCK, number=2).write(0, BLOCK), "after data"),
    ],
)
def test_records_must_make_sense(add: Add, text: str) -> None:
    builder = StreamBuilder().begin().object(1, 23, 512)
    add(builder)
    error = error_of(bytes(builder))
    assert error.kind == "format"
    assert error.offset == builder.boundaries[-1]
    assert text in str(error)


def test_features_widen_the_limits() -> None:
    builder = StreamBuilder().begin(features=LARGE_BLOCKS | 0x800000).object(1, 23, 1 << 20)
    builder.write(0, bytes(1 << 20)).object(2, 24, 512, slots=2, bonus=b"x" * 400, bonus_type=17)
    assert error_of(bytes(builder)).kind == "truncated"


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("begin", "text"),
    [
        ({"features": 0x100000}, "unsupported: got a stream that resumes an interrupted receive"),
        ({"features": 0x200000}, "unsupported: got a redacted stream"),
        ({"flags": 0xD}, "format: BEGIN record is of a clone, but names no snapshot"),
    ],
)
@pytest.mark.parametrize("kind", [2, 3], ids=["file system", "volume"])
def test_streams_that_no_new_dataset_can_be_made_of(
    kind: int, begin: dict[str, int], text: str, order: str
) -> None:
    builder = StreamBuilder(ORDERS[order]).begin(kind=kind, **begin)  # type: ignore[arg-type]
    error = error_of(bytes(builder.object(1, 23, 512).volume_end(512)))
    assert f"{error.kind}: {error}".startswith(text)
    assert error.offset == 0


@pytest.mark.parametrize(
    ("kind", "from_guid", "begin", "text"),
    [
        ("zfs", None, {"kind": 2}, None),
        (
            "zfs",
            None,
            {"kind": 3},
            "unsupported: got the stream of a volume, wanted that of a file",
        ),
        ("zvol", None, {"kind": 2}, "unsupported: got the stream of a file system, wanted that of"),
        ("zfs", 0, {"kind": 2}, None),
        ("zfs", 0, {"kind": 2, "from_guid": 5}, "guid 5, wanted a full stream"),
        ("zfs", 5, {"kind": 2, "from_guid": 5}, None),
        ("zfs", 5, {"kind": 2}, None),
        ("zfs", 6, {"kind": 2, "from_guid": 5}, "guid 5, wanted one from guid 6"),
        (None, None, {"kind": 2, "from_guid": 5}, None),
    ],
)
def test_streams_that_are_not_what_is_wanted(
    kind: Literal["zfs", "zvol"] | None,
    from_guid: int | None,
    begin: dict[str, int],
    text: str | None,
) -> None:
    stream = bytes(StreamBuilder().begin(**begin).object(1, 23, 512).volume_end(512))  # type: ignore[arg-type]
    verifier = StreamVerifier(kind=kind, from_guid=from_guid)
    if text is None:
        verifier.write(stream)
        assert verifier.finish().stream_bytes == len(stream)
        return
    with pytest.raises(ZfsStreamError) as caught:
        verifier.write(stream)
    assert text in f"{caught.value.kind}: {caught.value}"


def test_a_verifier_of_no_known_kind() -> None:
    with pytest.raises(ValueError, match="must be zfs or zvol"):
        StreamVerifier(kind="pool")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("add", "text"),
    [
        (lambda b: b.by_ref(512, 512, 0, guid=9), "block of the snapshot with guid 9"),
        (lambda b: b.by_ref(512, 512, 0, number=2), "block of object 2 for object 1"),
        (lambda b: b.by_ref(512, 512, 512), "refers to data that comes later"),
        (lambda b: b.record("REDACT", (8, "Q", 1), (24, "Q", 512)), "belongs to redacted streams"),
        (lambda b: b.object(1, 20, 512), "comes after object 1"),
    ],
)
def test_references_into_what_is_not_there(add: Add, text: str) -> None:
    builder = StreamBuilder().begin(kind=2, features=3).object(1, 19, 512).write(0, BLOCK, kind=19)
    add(builder)
    assert text in str(error_of(bytes(builder.end())))


def test_name_that_is_not_utf_8_is_shown() -> None:
    builder = StreamBuilder().begin(name=b"\xff@\n").object(1, 23, 512).volume_end(512)
    assert verify(bytes(builder)).name == "\\xff@\n"


def test_properties_must_be_a_micro_zap() -> None:
    def stream_with(properties: bytes) -> bytes:
        builder = StreamBuilder().begin().object(1, 23, 512).object(2, 24, 512)
        return bytes(builder.write(0, properties, number=2, kind=24).end())

    fat = struct.pack("<Q", 0x8000000000000001) + bytes(504)
    assert error_of(stream_with(fat)).kind == "unsupported"
    assert error_of(stream_with(BLOCK)).kind == "format"
    assert error_of(stream_with(StreamBuilder().properties(513))).kind == "format"
    assert (
        verify(stream_with(struct.pack("<Q", 0x8000000000000003) + bytes(504))).volume_size is None
    )


@pytest.mark.parametrize("buffer", ["text", 7, memoryview(b"abcdef")[::2]])
def test_only_contiguous_bytes_are_taken(buffer: object) -> None:
    with pytest.raises((TypeError, BufferError)):
        StreamVerifier().write(buffer)  # type: ignore[arg-type]
