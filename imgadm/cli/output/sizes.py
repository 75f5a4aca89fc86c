"""Sizes and times as an operator reads them."""

from __future__ import annotations

import re

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def human_size(size: int) -> str:
    """``size`` bytes with one decimal, cut off and not rounded: scripts know ``36.1 MiB``."""
    if size == 0:
        return "0 B"
    unit, divisor = 0, 1
    while unit < len(_UNITS) - 1 and size >= divisor * 1024:
        unit, divisor = unit + 1, divisor * 1024
    tenths = size * 10 // divisor
    return f"{tenths // 10}.{tenths % 10} {_UNITS[unit]}"


def parse_size(text: str) -> int | None:
    """Bytes that ``20G``, ``512MiB`` or ``1048576`` spell; None if it spells none."""
    match = re.fullmatch(r"([0-9]{1,15})(?:([KMGT])i?)?B?", text, re.IGNORECASE | re.ASCII)
    if match is None:
        return None
    return int(match[1]) << 10 * " KMGT".index((match[2] or " ").upper())


def human_seconds(seconds: float) -> str:
    """A duration: ``3.4 s``, ``2 min 5 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"
