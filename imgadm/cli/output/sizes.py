"""Sizes and durations in the form that operators read and type."""

from __future__ import annotations

import re

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def human_size(size: int) -> str:
    """Return ``size`` bytes with a unit and one decimal: ``36.1 MiB``.

    Further decimals are cut off, not rounded. Scripts know this form.
    """
    if size == 0:
        return "0 B"
    unit, divisor = 0, 1
    while unit < len(_UNITS) - 1 and size >= divisor * 1024:
        unit, divisor = unit + 1, divisor * 1024
    tenths = size * 10 // divisor
    return f"{tenths // 10}.{tenths % 10} {_UNITS[unit]}"


def parse_size(text: str) -> int | None:
    """Return the bytes that ``20G``, ``512MiB`` or ``1048576`` mean; None for any other text."""
    match = re.fullmatch(r"([0-9]{1,15})(?:([KMGT])i?)?B?", text, re.IGNORECASE | re.ASCII)
    if match is None:
        return None
    return int(match[1]) << 10 * " KMGT".index((match[2] or " ").upper())


def human_seconds(seconds: float) -> str:
    """Return a duration as text: ``3.4 s``, ``2 min 5 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"
