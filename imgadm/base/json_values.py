"""JSON values as the manifest format sees them: truth, numbers, and how messages show them.

The rules were first written down in JavaScript, so a value counts as present or true by that
language's idea of truth. Messages quote values that a stranger wrote: long ones are cut, and
control characters, which a terminal would obey, are escaped.
"""

from __future__ import annotations

import math
from typing import Any, TypeGuard

from imgadm.base.json_text import compact_json
from imgadm.base.text import printable

SHOWN_CHARACTERS = 200


def truthy(value: object) -> bool:
    """Tell whether JavaScript takes ``value`` for true: an empty array or object is."""
    return bool(value) or isinstance(value, (list, dict))


def is_number(value: object) -> TypeGuard[int | float]:
    """Tell whether ``value`` is a JSON number; booleans and NaN are none."""
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

    Manifests with a number for a version are in the field: the first tool to write manifests
    took ``version=1.10`` on its command line for the number 1.1.
    """
    if isinstance(value, str):
        return value
    return compact_json(value) if is_number(value) else None


def shown_json(value: Any) -> str:
    """Return ``value`` as JSON fit for a message."""
    return _cut(printable(compact_json(value)))


def display(value: Any) -> str:
    """Return a string as it is, anything else as JSON, fit for a message."""
    return _cut(printable(value)) if isinstance(value, str) else shown_json(value)


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."
