"""JSON from strangers: bytes in, plain values out, or one typed error.

Bounded in size and depth. What JSON does not know (``NaN``) is refused, and so are numbers that
do not fit a double, which no other reader of the file could represent.
"""

from __future__ import annotations

import json
import math
from typing import Any

MAX_DEPTH = 100
MAX_VALUES = 1_000_000
"""Values in one document, unless its reader says otherwise: each takes a hundred bytes and more."""

_MAX_DIGITS = 308
_CONTAINERS = frozenset({dict, list})


class JSONError(ValueError):
    """The bytes are not JSON that we take; the text says why.

    ``is_too_big`` says that they may be JSON, but more of it than we take.
    """

    def __init__(self, reason: str, *, is_too_big: bool = False) -> None:
        super().__init__(reason)
        self.is_too_big = is_too_big


def parse_json(data: bytes, *, max_values: int = MAX_VALUES) -> Any:
    """Return the value that ``data`` spells in UTF-8 JSON; :class:`JSONError` if it does not.

    It may have ``max_values`` values in it, members and elements included. A lone surrogate, which
    no file or terminal can encode, becomes U+FFFD.
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
    # What opens fewer levels than that has no need to be walked through.
    if containers > MAX_DEPTH and _deeper_than(value, MAX_DEPTH):
        raise JSONError(f"nested deeper than {MAX_DEPTH} levels")
    return value


def json_type(value: Any) -> str:
    """Return what JSON calls the type of ``value``, with its article."""
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
    # Nearly all there is begins with the value and ends with it, or with a newline after it: this
    # spares the decoder its search for blanks, a good part of the time that a record takes.
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
