"""The compressions of files: their names, suffixes, first bytes, levels and programs.

This table is the only list of compressions in imgadm. A row of it and a package of the same name
below :mod:`imgadm.streams.codecs` are all that a compression needs. The table is not in that
package because manifest rules and commands read it without loading the streams.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CompressionLevels:
    """The levels of a compression, from the fastest to the smallest, and the usual one."""

    lowest: int
    highest: int
    default: int

    def __contains__(self, level: int) -> bool:
        return self.lowest <= level <= self.highest

    def __str__(self) -> str:
        return f"{self.lowest} to {self.highest}"


@dataclass(frozen=True, slots=True)
class CompressionFormat:
    """One compression.

    ``suffix`` is the ending of a compressed file's name. Every compressed file begins with one of
    the byte strings ``magics``, usually the first. ``levels`` are those of the usual program.
    ``undo`` is the program that decompresses a file. All of these are empty for ``none``.
    """

    name: str
    suffix: str = ""
    magics: tuple[bytes, ...] = ()
    levels: CompressionLevels | None = None
    undo: str = ""


_ZSTD_SKIPPABLE = tuple(bytes([number]) + b"\x2a\x4d\x18" for number in range(0x50, 0x60))
"""The beginnings of zstd frames without content, which may precede the first frame with content."""

COMPRESSION_FORMATS = {
    compression.name: compression
    for compression in (
        CompressionFormat("none"),
        CompressionFormat(  # RFC 1952
            "gzip", ".gz", (b"\x1f\x8b",), CompressionLevels(1, 9, default=6), "gunzip"
        ),
        CompressionFormat(
            "bzip2", ".bz2", (b"BZh",), CompressionLevels(1, 9, default=9), "bunzip2"
        ),
        CompressionFormat(
            "xz", ".xz", (b"\xfd7zXZ\x00",), CompressionLevels(0, 9, default=6), "unxz"
        ),
        CompressionFormat(  # RFC 8878
            "zstd",
            ".zst",
            (b"\x28\xb5\x2f\xfd", *_ZSTD_SKIPPABLE),
            CompressionLevels(1, 19, default=3),
            "unzstd",
        ),
    )
}
"""Every compression by its name."""

COMPRESSIONS = tuple(COMPRESSION_FORMATS)
"""The names of the compressions, as manifests write them; ``none`` is the first."""

COMPRESSION_MAGIC_SIZE = max(
    len(magic) for compression in COMPRESSION_FORMATS.values() for magic in compression.magics
)
"""The number of bytes from the start of a file that :func:`recognise_compression` needs."""


def recognise_compression(first_bytes: bytes) -> str:
    """Return the name of the compression of a file that begins with ``first_bytes``.

    Anything that begins like no compressed file is ``none``.
    """
    for compression in COMPRESSION_FORMATS.values():
        if first_bytes.startswith(compression.magics):
            return compression.name
    return "none"


def compression_by_suffix(suffix: str) -> str:
    """Return the name of the compression whose files end with ``suffix``, a dot included.

    The name for any other suffix is ``none``.
    """
    for compression in COMPRESSION_FORMATS.values():
        if compression.suffix == suffix:
            return compression.name
    return "none"
