"""The reading of JSON from strangers: bytes in, plain values out, or one typed error.

The number of values and the depth are bounded. ``NaN`` and the like, which are not JSON, are
refused, and so are numbers that do not fit a double, which other readers could not represent.
"""

from __future__ import annotations

import json
import math
from typing import Any

MAX_DEPTH = 100
MAX_VALUES = 1_000_000
"""The most values in a document by default; each takes a hundred bytes of memory or more."""

_MAX_DIGITS = 308
_CONTAINERS = frozenset({dict, list})


class JSONError(ValueError):
    """The bytes are not JSON that imgadm accepts; the text says why.

    ``is_too_big`` says that they may be JSON, but have more values than imgadm accepts.
    """

    def __init__(self, reason: str, *, is_too_big: bool = False) -> None:
        super().__init__(reason)
        self.is_too_big = is_too_big


def parse_json(data: bytes, *, max_values: int = MAX_VALUES) -> Any:
    """Return the value that ``data`` spells in UTF-8 JSON; raises :class:`JSONError`.

    The document may have ``max_values`` values, members and elements included. A lone surrogate,
    which no file or terminal can encode, becomes U+FFFD.
    """
    try:
        text = data.decode()
        containers = text.count("{") + text.count("[")
        if containers + text.count(",") > max_values:
            raise JSONError(f"it has more than {max_values} values", is_too_big=True)
        value = _decoded(text)
        if "\\" in text and ("\\ud" in text or "\\uD" in text):
            [value] = _mended([value])
    except UnicodeDecodeError as error:
        raise JSONError(f"not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise JSONError(f"not JSON: {error.msg.lower()} at {place}") from error
    except RecursionError:
        raise JSONError(f"nested deeper than {MAX_DEPTH} levels") from None
    # A text that opens fewer containers than that cannot be too deep.
    if containers > MAX_DEPTH and _deeper_than(value, MAX_DEPTH):
        raise JSONError(f"nested deeper than {MAX_DEPTH} levels")
    return value


def json_type(value: Any) -> str:
    """Return the JSON name of the type of ``value``, with its article."""
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean"}
    return "null" if value is None else names.get(type(value), "a number")


def _refuse(word: str) -> Any:
    raise JSONError(f"not JSON: {word} is no JSON value")


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise JSONError("a number is out of range")
    return number


def _int(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise JSONError("a number is out of range")
    return int(digits)


_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_float, parse_int=_int)


def _decoded(text: str) -> Any:
    # Nearly all documents begin with the value and end with it or a newline. For these the decoder
    # need not search for blanks, which is a good part of the time that a record takes.
    if text[:1] == "{":
        value, end = _DECODER.raw_decode(text)
        if end == len(text) or text[end:] == "\n":
            return value
    return _DECODER.decode(text.removeprefix("\ufeff"))


def _mended(root: list[Any]) -> list[Any]:
    """Return ``root`` with all lone surrogates in its strings replaced, in place."""
    pending: list[Any] = [root]
    while pending:
        parent = pending.pop()
        if isinstance(parent, dict):
            members = [(_whole(name), _whole(child)) for name, child in parent.items()]
            parent.clear()
            parent.update(members)
            children = parent.values()
        else:
            parent[:] = [_whole(child) for child in parent]
            children = parent
        pending += [child for child in children if child.__class__ in _CONTAINERS]
    return root


def _whole(value: Any) -> Any:
    if value.__class__ is not str or value.isascii():
        return value
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _deeper_than(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        children: list[Any] = []
        for parent in level:
            children += parent.values() if isinstance(parent, dict) else parent
        level = [child for child in children if child.__class__ in _CONTAINERS]
        if not level:
            return False
    return True
