"""Answers as bytes on the wire, and the ways in which servers get them wrong."""

from __future__ import annotations

import contextlib
import functools
import gzip
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import zstandard

from tests.unit.streams.http.servers import Connection, Request

Payload = bytes
Misbehaviour = Callable[[Connection, Request, Payload], None]
"""Answers one request; the payload is what a good server would send."""


def head(status: str = "200 OK", *fields: str, version: str = "1.1") -> bytes:
    return "\r\n".join([f"HTTP/{version} {status}", *fields, "", ""]).encode()


@dataclass(frozen=True)
class Say:
    """Sends a head, a body, and closes. ``length`` of None promises the right one."""

    status: str = "200 OK"
    fields: tuple[str, ...] = ()
    before: bytes = b""
    coded: Callable[[bytes], bytes] = bytes
    length: str | None = None
    version: str = "1.1"
    end: str = "close"

    def __call__(self, connection: Connection, request: Request, payload: Payload) -> None:
        body = self.coded(payload)
        length = (f"Content-Length: {len(body)}",) if self.length is None else ()
        length = (self.length,) if self.length else length
        fields = (*length, "Content-Type: application/json", *self.fields)
        connection.send(self.before + head(self.status, *fields, version=self.version) + body)
        if self.end == "reset":
            time.sleep(0.05)  # a reset may overtake what was sent before it
            connection.reset()


def raw(make: Callable[[bytes], bytes]) -> Misbehaviour:
    """Sends what ``make`` makes of the payload, head and all, and closes."""
    return lambda connection, request, payload: connection.send(make(payload))


def chunked(body: bytes, *, end: bytes = b"0\r\n\r\n") -> bytes:
    middle = len(body) // 2
    pieces = (body[:middle], body[middle:])
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + end


def for_ever(piece: bytes, *, first: bytes = b"", pause: float = 0.0) -> Misbehaviour:
    def behave(connection: Connection, request: Request, payload: Payload) -> None:
        with contextlib.suppress(OSError):
            connection.send(first)
            while True:
                connection.send(piece)
                time.sleep(pause)

    return behave


@dataclass(frozen=True)
class Once:
    """Misbehaves at the first request only."""

    first: Misbehaviour


def silence(connection: Connection, request: Request, payload: Payload) -> None:
    connection.wait_for_end()


def hang_up(connection: Connection, request: Request, payload: Payload) -> None:
    """Closes without an answer."""


def reset(connection: Connection, request: Request, payload: Payload) -> None:
    connection.reset()


def raw_deflate(data: bytes) -> bytes:
    coder = zlib.compressobj(wbits=-15)
    return coder.compress(data) + coder.flush()


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def damaged(data: bytes) -> bytes:
    coded = bytearray(gzip.compress(data))
    coded[-6] ^= 0xFF  # of the CRC
    return bytes(coded)


@functools.cache
def bomb(coding: str) -> bytes:
    """A few kilobytes that are 64 MiB."""
    content = bytes(64 << 20)
    return zstd(content) if coding == "zstd" else gzip.compress(content, 1)


def coded(name: str, coder: Callable[[bytes], bytes]) -> Say:
    return Say(fields=(f"Content-Encoding: {name}",), coded=coder)
