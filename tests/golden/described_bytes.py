"""Turns the words by which a recorded case describes a file into the bytes of that file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from . import fixtures

BASE = "base"
IMAGE_FILE = "image file of "


def _flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :]


def base_file() -> bytes:
    return fixtures.image(BASE).file


DESCRIBED: dict[str, Callable[[], bytes]] = {
    "1": lambda: b"x",
    "empty": lambda: b"",
    "3 bytes": lambda: b"abc",
    "leftover": lambda: b"leftover",
    "the right file": base_file,
    "gzip data": base_file,
    "gzip data and 8 bytes of text": lambda: base_file() + b"garbage!",
    "one byte more": lambda: base_file() + b"x",
    "one byte flipped": lambda: _flipped(base_file()),
    "one byte of the gzip data flipped, sha1 of that": lambda: _flipped(base_file()),
    "one byte of the xz data flipped, sha1 of that": lambda: _flipped(
        fixtures.image("debian").file
    ),
    "uncompressed stream": lambda: fixtures.image(BASE).stream,
    "first 50000 bytes of the stream": lambda: fixtures.image(BASE).stream[:50000],
    '"this is not a zfs stream\\n", 30 times': lambda: b"this is not a zfs stream\n" * 30,
    "two concatenated gzip members": lambda: (fixtures.RECORDED / "two-members.gz").read_bytes(),
}


def make(description: object, sha1: str | None = None) -> bytes:
    """The bytes, which have the recorded SHA-1 where one was recorded."""
    words = str(description)
    if words.startswith(IMAGE_FILE):
        data = fixtures.images()[words.removeprefix(IMAGE_FILE)].file
    else:
        data = DESCRIBED[words]()
    got = hashlib.sha1(data).hexdigest()
    if sha1 not in (None, got):
        raise AssertionError(f"{words!r} has SHA-1 {got}, recorded was {sha1}")
    return data
