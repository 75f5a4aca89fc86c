"""JSON from strangers: bytes in, plain values out, or one typed error.

Bounded in size and depth. What JSON does not know (``NaN``) is refused, and so are numbers that
do not fit a double, which no other reader of the file could represent.
"""

from __future__ import annotations

import json
import math
from typing import Any

from imgadm.errors import InvalidManifestError

MAX_MANIFEST_BYTES = 4 << 20
MAX_DEPTH = 100
_MAX_DIGITS = 308
_CONTAINERS = frozenset({dict, list})


class JSONError(ValueError):
    """The bytes are not JSON that we take; the text says why."""


def parse_json(data: bytes) -> Any:
    """Return the value that ``data`` spells in UTF-8 JSON; :class:`JSONError` if it does not.

    A lone surrogate, which no file or terminal can encode, becomes U+FFFD.
    """
    try:
        text = data.decode()
        value = _decoded(text)
        if "\\" in text and ("\\ud" in text or "\\uD" in text):
            whole = json.dumps(value, ensure_ascii=False)
            value = json.loads(whole.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    except UnicodeDecodeError as error:
        raise JSONError(f"not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise JSONError(f"not JSON: {error.msg.lower()} at {place}") from error
    except RecursionError:
        raise JSONError(f"nested deeper than {MAX_DEPTH} levels") from None
    # What opens fewer levels than that has no need to be walked through.
    if text.count("{") + text.count("[") > MAX_DEPTH and _deeper_than(value, MAX_DEPTH):
        raise JSONError(f"nested deeper than {MAX_DEPTH} levels")
    return value


def parse_manifest(data: bytes) -> dict[str, Any]:
    """Return the manifest in ``data``: fields, order and version as they were received.

    Raises :class:`InvalidManifestError` unless it is a JSON object of at most 4 MiB.
    """
    if len(data) > MAX_MANIFEST_BYTES:
        raise InvalidManifestError(
            f"{len(data)} bytes is too big, at most {MAX_MANIFEST_BYTES} are accepted"
        )
    try:
        value = parse_json(data)
    except JSONError as error:
        raise InvalidManifestError(str(error), cause=error) from error
    if not isinstance(value, dict):
        raise InvalidManifestError(f"a JSON object was expected, got {json_type(value)}")
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
