"""Values of JSON as the manifest format understands them: truth, numbers, texts.

The rules were first written down in JavaScript, so this language's idea of truth decides whether
a value counts as present or true.
"""

from __future__ import annotations

import math
from typing import TypeGuard

from imgadm.base.json_text import compact_json


def truthy(value: object) -> bool:
    """Tell whether JavaScript takes ``value`` for true, as it does empty arrays and objects."""
    return bool(value) or isinstance(value, (list, dict))


def is_number(value: object) -> TypeGuard[int | float]:
    """Tell whether ``value`` is a JSON number, which booleans and NaN are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value


def is_whole(value: object) -> TypeGuard[int | float]:
    """Tell whether ``value`` is a number without a fraction."""
    return is_number(value) and (isinstance(value, int) or value.is_integer())


def as_number(value: object) -> int | float | None:
    """Return a number, or the number that a string spells, else ``None``."""
    if is_number(value):
        return value
    if isinstance(value, str) and len(value) <= 32:
        try:
            number = float(value)
        except ValueError:
            return None
        if math.isfinite(number):
            return int(number) if number.is_integer() else number
    return None


def as_boolean(value: object) -> bool | None:
    """Return a boolean, or the one that ``"true"`` or ``"false"`` spells, else ``None``."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value)
    return None


def as_text(value: object) -> str | None:
    """Return a string, or a number as text, else ``None``.

    Some published manifests have a number as their version, because the first tool to write
    manifests took ``version=1.10`` on its command line for the number 1.1.
    """
    if isinstance(value, str):
        return value
    return compact_json(value) if is_number(value) else None
