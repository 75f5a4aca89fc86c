"""Extended headers of POSIX.1-2001: records of ``LENGTH KEY=VALUE`` lines."""

from __future__ import annotations

import base64
import binascii
from decimal import Decimal, InvalidOperation
from urllib.parse import unquote_to_bytes

from imgadm.base.text import excerpt
from imgadm.layers.errors import LayerError

Records = list[tuple[bytes, bytes]]
"""Records in the order of the archive: sparse format 0.0 repeats keys, and their order counts."""

_SCHILY = b"SCHILY.xattr."
_LIBARCHIVE = b"LIBARCHIVE.xattr."
_LONGEST_NUMBER = 40


def parse_records(data: bytes) -> Records:
    """Raises LayerError (``format``)."""
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
    """A decimal integer from 0; LayerError for what is none."""
    if not value.isdigit() or len(value) > _LONGEST_NUMBER:
        raise LayerError("format", f'an extended header has no number for "{excerpt(key)}"')
    return int(value)


def owner_number(key: bytes, value: bytes) -> int:
    """The number of an owner or a group, which may be negative; LayerError for what is none."""
    sign = -1 if value.startswith(b"-") else 1
    return sign * whole_number(key, value.removeprefix(b"-"))


def nanoseconds(key: bytes, value: bytes) -> int:
    """A time in seconds with a fraction, rounded down to nanoseconds."""
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
    """Name and value of the extended attribute that a record brings; None for other records."""
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
