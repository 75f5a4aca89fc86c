"""The fields in which two manifests of one image differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

REQUIREMENTS = "requirements"


def changed_fields(recorded: Mapping[str, Any], offered: Mapping[str, Any]) -> list[str]:
    """Return the names of the fields of ``recorded`` that ``offered`` changes, adds or removes.

    The fields of ``offered`` come first, in its order, then those that it lacks. If both manifests
    have ``requirements``, the names of the changed members come at the end. The order of keys is
    no difference.
    """
    fields = list(_changed_keys(recorded, offered))
    old, new = recorded.get(REQUIREMENTS), offered.get(REQUIREMENTS)
    if not isinstance(old, dict) or not isinstance(new, dict):
        return fields
    others = [name for name in fields if name != REQUIREMENTS]
    return others + [f"{REQUIREMENTS}.{name}" for name in _changed_keys(old, new)]


def _changed_keys(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for key, value in new.items():
        if key not in old or not _same(old[key], value):
            yield key
    yield from (key for key in old if key not in new)


def _same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same JSON. Unlike in Python, true does not equal 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)
