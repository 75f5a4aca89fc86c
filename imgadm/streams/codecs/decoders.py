"""One module per compression: how its bytes are recognised and how they are decoded.

A decoder takes a :class:`~imgadm.streams.codecs.source.ByteSource` and puts buffers of bounded
size on the outlet, until the compressed data ends; it raises DecompressionError for anything else.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

from imgadm.streams.codecs.source import ByteSource
from imgadm.streams.engine.stage import Context, Outlet

Decode = Callable[[ByteSource, Outlet, Context], None]

#: First bytes of a file in each compression, from RFC 1952, the bzip2 and xz format descriptions
#: and RFC 8878.
MAGIC = {
    "gzip": b"\x1f\x8b",
    "bzip2": b"BZh",
    "xz": b"\xfd7zXZ\x00",
    "zstd": b"\x28\xb5\x2f\xfd",
}

#: Of a zstd frame without content, which may come first, behind one of sixteen numbers.
_SKIPPABLE = b"\x2a\x4d\x18"

#: Names of every compression that can be read, as manifests write them.
COMPRESSIONS = ("none", *MAGIC)

#: Bytes that it takes to tell the compressions apart.
MAGIC_SIZE = max(map(len, MAGIC.values()))


def recognise(first_bytes: bytes) -> str:
    """The compression of a file that begins with these bytes."""
    for compression, magic in MAGIC.items():
        if first_bytes.startswith(magic):
            return compression
    if first_bytes[1:4] == _SKIPPABLE and first_bytes[0] >> 4 == 5:
        return "zstd"
    return "none"


def load(compression: str) -> Decode:
    """The decoder, with its library imported only now."""
    module = importlib.import_module(f"imgadm.streams.codecs.{compression}.decode")
    decode: Decode = module.decode
    return decode
