"""Conditional and partial requests, header by header."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgadm.serve.http.conditions import UnsatisfiableRangeError, Validators, parse_range

FILE = Validators("abc", 1_700_000_000.5)
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"
EARLIER = "Tue, 14 Nov 2023 22:13:19 GMT"


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, None),
        ("bytes=0-99", (0, 100)),
        ("bytes=0-0", (0, 1)),
        ("bytes=10-19", (10, 10)),
        ("bytes=90-1000", (90, 10)),
        ("bytes=99-", (99, 1)),
        ("bytes= 5 -9", None),
        ("bytes=-10", (90, 10)),
        ("bytes=-1000", (0, 100)),
        ("bytes=5-4", None),
        ("bytes=-", None),
        ("bytes=", None),
        ("bytes=a-b", None),
        ("bytes=0-1,5-6", None),
        ("lines=0-5", None),
        ("bytes=0x1-2", None),
        ("bytes=\u0661-\u0662", None),
        ("bytes=1-" + "9" * 400, None),
        ("bytes=999-5", None),
    ],
)
def test_ranges_of_100_bytes(header: str | None, part: tuple[int, int] | None) -> None:
    assert parse_range(header, 100) == part


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=100-", 100), ("bytes=100-200", 100), ("bytes=-0", 100)]
)
def test_ranges_outside(header: str, size: int) -> None:
    with pytest.raises(UnsatisfiableRangeError):
        parse_range(header, size)


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=-5", "bytes=0-0"])
def test_no_range_of_an_empty_file_is_satisfiable(header: str) -> None:
    with pytest.raises(UnsatisfiableRangeError):
        parse_range(header, 0)


@settings(deadline=None)
@given(st.text(alphabet="bytes=0123456789-, \u0661", max_size=20), st.integers(0, 2**40))
def test_every_part_lies_inside(header: str, size: int) -> None:
    try:
        part = parse_range(header, size)
    except UnsatisfiableRangeError:
        return
    if part is not None:
        offset, length = part
        assert 0 <= offset < offset + length <= size


@pytest.mark.parametrize(
    ("headers", "known"),
    [
        ({}, False),
        ({"If-None-Match": '"abc"'}, True),
        ({"If-None-Match": "abc"}, True),
        ({"If-None-Match": 'W/"abc"'}, True),
        ({"If-None-Match": '"x", "abc"'}, True),
        ({"If-None-Match": "*"}, True),
        ({"If-None-Match": '"x"'}, False),
        ({"If-None-Match": '"x"', "If-Modified-Since": DATE}, False),
        ({"If-Modified-Since": DATE}, True),
        ({"If-Modified-Since": EARLIER}, False),
        ({"If-Modified-Since": "yesterday"}, False),
        ({"If-Modified-Since": "Fri, 99 Nov 99999999 99:99:99 GMT"}, False),
    ],
)
def test_not_modified(headers: dict[str, str], known: bool) -> None:
    assert FILE.not_modified(headers) is known


@pytest.mark.parametrize(
    ("headers", "fails"),
    [
        ({}, False),
        ({"If-Match": '"abc"'}, False),
        ({"If-Match": "*"}, False),
        ({"If-Match": "x"}, True),
        ({"If-Unmodified-Since": DATE}, False),
        ({"If-Unmodified-Since": EARLIER}, True),
        ({"If-Unmodified-Since": ""}, False),
    ],
)
def test_preconditions(headers: dict[str, str], fails: bool) -> None:
    assert FILE.precondition_fails(headers) is fails


@pytest.mark.parametrize(
    ("condition", "applies"),
    [
        (None, True),
        ('"abc"', True),
        ("abc", True),
        ('W/"abc"', False),
        ('"x"', False),
        (DATE, True),
        (EARLIER, False),
    ],
)
def test_if_range(condition: str | None, applies: bool) -> None:
    assert FILE.range_applies({"If-Range": condition}) is applies


def test_dates_are_ignored_for_contents_without_a_date() -> None:
    assert not Validators("abc").not_modified({"If-Modified-Since": DATE})
    assert Validators("abc").headers() == {"ETag": '"abc"'}
    assert FILE.headers()["Last-Modified"] == DATE
