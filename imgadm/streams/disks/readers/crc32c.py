"""CRC-32C (Castagnoli), which Python's library lacks."""

from __future__ import annotations

_REVERSED_POLYNOMIAL = 0x82F63B78


def _entry(number: int) -> int:
    for _ in range(8):
        number = number >> 1 ^ (_REVERSED_POLYNOMIAL if number & 1 else 0)
    return number


_TABLE = tuple(map(_entry, range(256)))


def crc32c(content: bytes) -> int:
    """Return the checksum that RFC 3720 and [MS-VHDX] define; it is slow, for kilobytes only."""
    value = 0xFFFFFFFF
    for byte in content:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF
