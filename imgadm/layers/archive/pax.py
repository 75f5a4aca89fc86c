"""The extended headers of POSIX.1-2001, which consist of records ``LENGTH KEY=VALUE``."""

from __future__ import annotations

import base64
import binascii
from decimal import Decimal, InvalidOperation
from urllib.parse import unquote_to_bytes

from imgadm.base.text import excerpt
from imgadm.layers.rules.errors import LayerError

Records = list[tuple[bytes, bytes]]
"""Keys and values in the order of the archive, which counts: sparse format 0.0 repeats keys."""

_SCHILY = b"SCHILY.xattr."
_LIBARCHIVE = b"LIBARCHIVE.xattr."
_LONGEST_NUMBER = 40


def parse_records(data: bytes) -> Records:
    """Return the records of an extended header. Raises LayerError (``format``)."""
    records: Records = []
    position = 0
    while position < len(data):
        # Some writers pad the last record with zeros.
        if not data[position] and not data[position:].strip(b"\0"):
            break
        space = data.find(b" ", position, position + 20)
        digits = data[position:space]
        if space < 0 or not digits.isdigit():
            raise LayerError("format", "an extended header has a record without a length")
        end = position + int(digits)
        equals = data.find(b"=", space + 1, end)
        if end > len(data) or equals < 0 or data[end - 1 : end] != b"\n":
            raise LayerError("format", "an extended header has a record of a wrong length")
        records.append((data[space + 1 : equals], data[equals + 1 : end - 1]))
        position = end
    return records


def whole_number(key: bytes, value: bytes) -> int:
    """Return the decimal integer, at least 0, in a record. Raises LayerError (``format``)."""
    if not value.isdigit() or len(value) > _LONGEST_NUMBER:
        raise LayerError("format", f'an extended header has no number for "{excerpt(key)}"')
    return int(value)


def owner_number(key: bytes, value: bytes) -> int:
    """Return the number of an owner or group, which may be negative. Raises LayerError."""
    sign = -1 if value.startswith(b"-") else 1
    return sign * whole_number(key, value.removeprefix(b"-"))


def nanoseconds(key: bytes, value: bytes) -> int:
    """Return a time in nanoseconds, rounded down, of a record that has seconds with a fraction.

    Raises LayerError (``format``).
    """
    try:
        if len(value) > _LONGEST_NUMBER or b"_" in value:
            raise InvalidOperation
        seconds = Decimal(value.decode("ascii"))
        if not seconds.is_finite() or abs(seconds) >= 1 << 62:
            raise InvalidOperation
        return int((seconds * 1_000_000_000).to_integral_value(rounding="ROUND_FLOOR"))
    except (ArithmeticError, UnicodeDecodeError):
        raise LayerError("format", f'an extended header has no time for "{excerpt(key)}"') from None


def extended_attribute(key: bytes, value: bytes) -> tuple[bytes, bytes] | None:
    """Return the name and value of the extended attribute in a record; None for other records.

    Raises LayerError (``format``) for a value that should be Base64 and is not.
    """
    if key.startswith(_SCHILY):
        return key[len(_SCHILY) :], value
    if key.startswith(_LIBARCHIVE):
        try:
            padded = value + b"=" * (-len(value) % 4)
            return unquote_to_bytes(key[len(_LIBARCHIVE) :]), base64.b64decode(padded)
        except binascii.Error:
            raise LayerError(
                "format", f'an extended header has no Base64 for "{excerpt(key)}"'
            ) from None
    return None
