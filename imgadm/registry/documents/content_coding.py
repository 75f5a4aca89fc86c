"""Bodies that a server says are coded, and which of two readings is the document.

Some registries and stores label what they send as ``gzip`` because it was stored so, or because
what is inside is; others do code it, asked or not. A digest decides which; without one, what is
JSON.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import requests

#: The header of a response that says how its body was coded, once nobody else should act on it.
SAID_CODING = "x-imgadm-said-coding"

_MOST_CODINGS = 4


def set_coding_aside(response: requests.Response, *_: Any, **__: Any) -> requests.Response:
    """A hook of a session: leave the bodies of its answers as they come."""
    said = response.headers.pop("content-encoding", None)
    if said:
        response.headers[SAID_CODING] = said
    return response


def readings(body: bytes, said: str, limit: int) -> Iterator[bytes]:
    """Yield what ``body``, said to be coded as ``said``, may mean: itself, then decoded.

    What cannot be decoded, or not to at most ``limit`` bytes, is left out.
    """
    yield body
    names = [name.strip().lower() for name in said.split(",")]
    for name in reversed(names[:_MOST_CODINGS]):
        decoded = _decoded(body, name, limit)
        if decoded is None:
            continue
        body = decoded
        yield body


def _decoded(body: bytes, name: str, limit: int) -> bytes | None:
    """Return what a coding (RFC 9110, section 8.4.1) stands for, None where it is none of ours."""
    match name:
        case "gzip" | "x-gzip":
            return _inflated(body, zlib.MAX_WBITS | 16, limit)
        case "deflate":
            # What RFC 9110 means is the zlib format; some send the bare data.
            whole = _inflated(body, zlib.MAX_WBITS, limit)
            return _inflated(body, -zlib.MAX_WBITS, limit) if whole is None else whole
        case "zstd":
            return _zstd(body, limit)
    return None


def _inflated(body: bytes, bits: int, limit: int) -> bytes | None:
    decoder = zlib.decompressobj(bits)
    try:
        content = decoder.decompress(body, limit + 1)
    except zlib.error:
        return None
    return content if decoder.eof and len(content) <= limit else None


def _zstd(body: bytes, limit: int) -> bytes | None:
    import zstandard

    try:
        with zstandard.ZstdDecompressor().stream_reader(body) as reader:
            content = reader.read(limit + 1)
    except zstandard.ZstdError:
        return None
    return content if len(content) <= limit else None
