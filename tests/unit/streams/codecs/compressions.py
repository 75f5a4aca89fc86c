"""Every compression made by a tool that is not ours, and every way in which we decode it."""

from __future__ import annotations

import bz2
import gzip
import lzma
import subprocess
from collections.abc import Callable

import pytest
import zstandard

from imgadm import streams
from tests.unit.streams.stages import Collect, Supply, pieces


def gzip_by_blocks(content: bytes) -> bytes:
    return b"".join(gzip.compress(piece) for piece in pieces(content, 65_280)) or gzip.compress(b"")


def gzip_with_all_fields(content: bytes) -> bytes:
    """Extra field, name, comment and header CRC (RFC 1952, section 2.3.1)."""
    plain = gzip.compress(content, mtime=0)
    header = plain[:3] + b"\x1e" + plain[4:10] + b"\x05\x00extra" + b"name\0" + b"comment\0"
    import zlib

    return header + (zlib.crc32(header) & 0xFFFF).to_bytes(2, "little") + plain[10:]


def xz_of_many_blocks(content: bytes) -> bytes:
    command = ["xz", "-T2", "--block-size=100000", "-0", "-c"]
    return subprocess.run(command, input=content, check=True, capture_output=True).stdout


def xz_with(check: int) -> Callable[[bytes], bytes]:
    return lambda content: lzma.compress(content, check=check, preset=0)


def zstd_of_unknown_size(content: bytes) -> bytes:
    compressor = zstandard.ZstdCompressor(write_checksum=True).compressobj()
    return compressor.compress(content) + compressor.flush()


#: What makes files of each compression, by the name of the form they have.
FORMS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "gzip, many members": ("gzip", gzip_by_blocks),
    "gzip, all header fields": ("gzip", gzip_with_all_fields),
    "gzip, stored": ("gzip", lambda content: gzip.compress(content, 0)),
    "bzip2": ("bzip2", bz2.compress),
    "bzip2, small blocks": ("bzip2", lambda content: bz2.compress(content, 1)),
    "xz": ("xz", lzma.compress),
    "xz, many blocks": ("xz", xz_of_many_blocks),
    "xz, no check": ("xz", xz_with(lzma.CHECK_NONE)),
    "xz, SHA-256": ("xz", xz_with(lzma.CHECK_SHA256)),
    "zstd": ("zstd", zstandard.ZstdCompressor(write_checksum=True).compress),
    "zstd, unknown size": ("zstd", zstd_of_unknown_size),
    "zstd, no checksum": ("zstd", zstandard.ZstdCompressor().compress),
    "none": ("none", bytes),
}

#: The decoders of a compression: the one that is taken here, and those taken elsewhere.
ENGINES: dict[str, list[dict[str, str]]] = {
    "gzip": [{}, {"IMGADM_ISAL": "0"}],
    "xz": [{}, {"IMGADM_LIBLZMA": "0"}],
}

_ENGINE_NAMES = {"IMGADM_ISAL": "zlib", "IMGADM_LIBLZMA": "lzma"}


def engines(compression: str) -> list[dict[str, str]]:
    return ENGINES.get(compression, [{}])


def engine_name(compression: str, settings: dict[str, str]) -> str:
    return "".join([compression, *(f" by {_ENGINE_NAMES[name]}" for name in settings)])


def every_form() -> list[object]:
    """Parameters (settings, compression, make) for each form in each of its decoders."""
    return [
        pytest.param(settings, compression, make, id=engine_name(form, settings))
        for form, (compression, make) in FORMS.items()
        for settings in engines(compression)
    ]


def every_engine() -> list[object]:
    """Parameters (settings, compression, make) for each decoder, on the plainest form."""
    return [
        pytest.param(
            settings, compression, FORMS[compression][1], id=engine_name(compression, settings)
        )
        for compression in ("gzip", "bzip2", "xz", "zstd")
        for settings in engines(compression)
    ]


def decompress(
    compressed: bytes, compression: str | None, piece: int = 100_000
) -> tuple[bytes, streams.Report]:
    sink = Collect()
    report = streams.run(Supply(pieces(compressed, piece)), streams.decompress(compression), sink)
    return bytes(sink.content), report
