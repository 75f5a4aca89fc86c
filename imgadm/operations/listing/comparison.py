"""The forms of JSON values, as text and as numbers, for filters, sorting and tables.

The rules are ToString and ToNumber of ECMAScript, the language of the original tool.
"""

from __future__ import annotations

import math
import re
from typing import Any

MISSING: Any = type("Missing", (), {"__repr__": lambda _: "MISSING", "__bool__": lambda _: False})()
"""The value of a missing field. None is the JSON value null."""

_NUMBER = re.compile(
    r"0[xX][0-9a-fA-F]+|[+-]?(?:Infinity|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
)
_LAST_OF_A_WORD = frozenset("ghijklmnopqrstuvwxzGHIJKLMNOPQRSTUVWXYZ_-+~")
"""The last characters of texts that do not spell a number."""

_BLANKS = " \t\n\r\v\f\ufeff\u00a0\u2028\u2029"


def number_text(number: float) -> str:
    """Return ``number`` in decimal digits, without an exponent if it is of a readable size."""
    if isinstance(number, int):
        return str(number)
    if number.is_integer() and abs(number) < 1e21:
        return str(int(number))
    if 1e-7 < abs(number) < 1e-4:
        return f"{number:.20f}".rstrip("0")
    return repr(number)


def string_form(value: object) -> str:
    """Return the text form of ``value``.

    That of an array has its elements, with commas between them; that of an object is a constant.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, (int, float)):
        return number_text(value)
    if isinstance(value, list):
        return ",".join("" if element is None else string_form(element) for element in value)
    return "[object Object]"


def number_form(value: object) -> float | None:
    """Return the number that ``value`` is or spells, None if there is no such number.

    Null, false and blank text count as 0, true as 1.
    """
    if value is None or isinstance(value, bool):
        return int(value or 0)
    if isinstance(value, (int, float)):
        return None if math.isnan(value) else value
    if not isinstance(value, str) or not spells_number(value):
        return None
    stripped = value.strip(_BLANKS)
    if not stripped:
        return 0
    return int(stripped, 16) if stripped[:2] in {"0x", "0X"} else float(stripped)


def spells_number(text: str) -> bool:
    """Tell whether :func:`number_form` returns a number for ``text``."""
    # Most texts are names, dates and UUIDs, whose last character is enough to decide.
    if text[-1:] in _LAST_OF_A_WORD:
        return False
    stripped = text.strip(_BLANKS)
    return not stripped or _NUMBER.fullmatch(stripped) is not None
