"""The checksum, by every method, against a plain implementation."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from imgadm._native import fletcher4
from tests.unit.native import zstream_builder

ONES = b"\xff" * (5 << 20)


@given(st.binary(max_size=5000).map(lambda data: data[: len(data) // 4 * 4]), st.booleans())
def test_methods_agree(data: bytes, big_endian: bool) -> None:
    wanted = zstream_builder.fletcher4(data, ">" if big_endian else "<")
    for vectors in (True, False):
        assert fletcher4(data, big_endian=big_endian, vectors=vectors) == wanted


def test_sums_wrap_alike_over_long_input() -> None:
    assert fletcher4(ONES) == fletcher4(ONES, vectors=False)
    assert fletcher4(ONES)[3] == zstream_builder.fletcher4(ONES, "<")[3]


def test_incomplete_last_word_does_not_count() -> None:
    assert fletcher4(b"abcdefg") == fletcher4(b"abcd")
