"""Lists with too many bytes, values or pages, or too slow; and the memory that lists take."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from imgadm.base.json_input import JSONError, parse_json
from imgadm.sources import UnreachableError, UnusableReplyError, imgapi

from .test_imgapi import uuid


def endless_pages(handler: Any) -> None:
    """Answer with a full page of new images, every time."""
    web = handler.server
    web.pages = getattr(web, "pages", 0) + 1
    first = web.pages * imgapi.PAGE
    handler.give([{"uuid": uuid(first + number)} for number in range(imgapi.PAGE)])


def test_pages_without_end(web: Any, opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imgapi, "MAX_PAGES", 5)
    web["*"] = endless_pages
    with pytest.raises(UnusableReplyError, match="more than 5 pages"):
        opened(web.url).list_images()
    assert len(web.requests) == 6


@pytest.mark.parametrize(
    ("limit", "least", "words"),
    [("MAX_LIST_BYTES", 190_000, "longer than"), ("MAX_LIST_VALUES", 7000, "more than .* values")],
)
def test_all_pages_share_one_budget(
    web: Any, opened: Any, monkeypatch: pytest.MonkeyPatch, limit: str, least: int, words: str
) -> None:
    monkeypatch.setattr(f"imgadm.client.budget.{limit}", least)
    web["*"] = endless_pages
    with pytest.raises(UnusableReplyError, match=words):
        opened(web.url).list_images()
    assert len(web.requests) == 4


def test_all_pages_share_their_time(web: Any, opened: Any, pace: Any) -> None:
    def slowly(handler: Any) -> None:
        pace.now += 120
        endless_pages(handler)

    web["*"] = slowly
    with pytest.raises(UnreachableError, match="not complete after 300 seconds"):
        opened(web.url).list_images()
    assert len(web.requests) == 3


def test_a_marker_that_goes_in_circles(web: Any, opened: Any) -> None:
    """The same two pages again and again are two pages."""
    pages = [[{"uuid": uuid(first + n)} for n in range(1000)] for first in (0, 1000)]

    def around(handler: Any) -> None:
        handler.give(pages[len(handler.server.requests) % 2])

    web["*"] = around
    assert len(opened(web.url).list_images()) == 2000
    assert len(web.requests) == 3


@pytest.mark.parametrize("text", ["{},", "[],", "1,", '"",', '{"a":1},'])
def test_values_are_counted_before_memory_is_taken(text: str) -> None:
    data = f"[{text * 1000}1]".encode()
    assert len(parse_json(data)) == 1001
    with pytest.raises(JSONError, match="more than 1000 values"):
        parse_json(data, max_values=1000)


def test_lone_surrogates_are_replaced_wherever_they_are() -> None:
    data = b'{"a\\ud800": ["\\uD83D\\uDE00", {"b": "\\udfff"}], "c": null}'
    assert parse_json(data) == {"a\ufffd": ["\U0001f600", {"b": "\ufffd"}], "c": None}
    assert parse_json(b'"\\ud800x"') == "\ufffdx"


PROGRAM = """
import pathlib, re, resource, sys
from imgadm.sources import *
from imgadm.state.source_config import SourceConfig
try:
    options = ClientOptions(environment={}, retry_delays=())
    with open_source(SourceConfig(sys.argv[1]), options) as source:
        print(len(source.list_images()))
except Exception as error:
    print(type(error).__name__)
# What getrusage says begins, on Linux, with the memory of the process that started this one.
status = pathlib.Path("/proc/self/status")
peak = re.search("VmHWM:\\s*([0-9]+)", status.read_text()) if status.exists() else None
used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss if peak is None else int(peak[1])
print(used // 1024)
"""

MANIFEST = json.dumps(
    {"v": 2, "uuid": uuid(1), "name": "a", "description": "x" * 1000, "tags": {"a": ["b"]}}
).encode()


def list_of(piece: bytes, size: int) -> Any:
    """Send ``size`` bytes of a list, whose elements are all the same."""

    def send(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[")
        block = piece * (65536 // len(piece) + 1)
        for _ in range(size // len(block)):
            handler.wfile.write(block)
        handler.wfile.write(piece.rstrip(b",") + b"]")
        handler.close_connection = True

    return send


@pytest.mark.parametrize(
    ("piece", "size", "most"),
    [
        (b"{},", 250 << 20, 400),
        (MANIFEST + b",", 250 << 20, 400),
        (b"{},", 4_400_000, 400),
        (b'{"a":1},', 11_900_000, 600),
    ],
    ids=["objects", "manifests", "objects within the bytes", "members"],
)
def test_how_much_memory_a_list_takes(web: Any, piece: bytes, size: int, most: int) -> None:
    """In MiB; without bounds the first of these takes 3,800."""
    web["/images"] = list_of(piece, size)
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, web.url], capture_output=True, text=True, check=True
    )
    outcome, peak = ended.stdout.split()
    assert outcome == "UnusableReplyError"
    assert int(peak) < most


def test_a_large_list_is_a_list(web: Any) -> None:
    """Of 25,000 images, in 30 MB."""
    web["/images"] = list_of(MANIFEST + b",", 30 << 20)
    web["*"] = []
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, web.url], capture_output=True, text=True, check=True
    )
    assert int(ended.stdout.split()[0]) > 25_000


def test_a_list_without_pages_may_come_again(
    web: Any, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that does not know of pages answers the question for the second one with all."""
    images = [{"uuid": f"3d0f2a0e-6b9b-4c5d-9a40-{number:012x}"} for number in range(1500)]
    web["*"] = images
    monkeypatch.setattr("imgadm.client.budget.MAX_LIST_BYTES", 100_000)
    monkeypatch.setattr("imgadm.client.budget.MAX_LIST_VALUES", 4_000)
    assert opened(web.url).list_images() == images
