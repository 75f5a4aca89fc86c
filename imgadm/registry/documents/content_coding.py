"""Bodies with a content coding, and the choice between their readings.

Some registries and stores label a body as ``gzip`` although they send it as it is. Others really
encode it, even unasked. The digest decides which reading is the document. Without a digest it is
the reading that is JSON.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import requests

SAID_CODING = "x-imgadm-said-coding"
"""The header to which :func:`set_coding_aside` moves the name of the content coding."""

_MOST_CODINGS = 4


def set_coding_aside(response: requests.Response, *_: Any, **__: Any) -> requests.Response:
    """Hide the content coding of ``response`` from the HTTP library.

    As a hook of a session it makes the library leave all bodies as they are.
    """
    said = response.headers.pop("content-encoding", None)
    if said:
        response.headers[SAID_CODING] = said
    return response


def readings(body: bytes, said: str, limit: int) -> Iterator[bytes]:
    """Yield the possible readings of ``body``: as it is, then decoded.

    ``said`` is the list of codings in the header of the answer. A coding that does not decode, or
    decodes to more than ``limit`` bytes, is left out.
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
    """Return ``body`` decoded, None if ``name`` (RFC 9110, section 8.4.1) is not its coding."""
    match name:
        case "gzip" | "x-gzip":
            return _inflated(body, zlib.MAX_WBITS | 16, limit)
        case "deflate":
            # RFC 9110 means the zlib format; some servers send the bare data.
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
