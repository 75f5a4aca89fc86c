"""Checks of what callers hand to the toolkit, made before anything is opened."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

from imgadm.streams.errors import MisuseError


def check_count(name: str, value: object, *, least: int = 0) -> None:
    """Raise MisuseError unless ``value`` is None or an int of at least ``least``.

    ``name`` is what the caller knows the value as. Booleans are refused.
    """
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise MisuseError(
            f"{name} is {value!r}, expected a whole number of at least {least}", got=value
        )


def check_seconds(name: str, value: object, *, zero: bool = False) -> None:
    """Raise MisuseError unless ``value`` is a finite number above 0, or 0 where ``zero`` allows it.

    ``name`` is what the caller knows the value as.
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value < 0 or (value == 0 and not zero):  # type: ignore[arg-type,operator]
        wanted = "of at least 0" if zero else "above 0"
        raise MisuseError(f"{name} is {value!r}, expected seconds {wanted}", got=value)


def check_path(name: str, value: object) -> None:
    """Raise MisuseError unless ``value`` is a path: a str, bytes or os.PathLike that is not empty.

    ``name`` is what the caller knows the value as.
    """
    if not isinstance(value, (str, bytes, os.PathLike)):
        raise MisuseError(f"{name} is {value!r}, expected a path", got=value)
    if not os.fspath(value):
        raise MisuseError(f"{name} is empty, expected a path", got=value)


def check_argv(argv: object) -> None:
    """Raise MisuseError unless ``argv`` is a program and its arguments, as a sequence of texts."""
    if isinstance(argv, (str, bytes)) or not isinstance(argv, Sequence):
        raise MisuseError(
            f'argv is {argv!r}, expected a list such as ["gzip", "-c"]; no shell takes it apart',
            got=argv,
        )
    if not argv:
        raise MisuseError("argv is empty, expected a program and its arguments", got=argv)
    for word in argv:
        if not isinstance(word, (str, bytes, os.PathLike)):
            raise MisuseError(f"argv has {word!r} in it, expected texts only", got=word)
    if not os.fspath(argv[0]):
        raise MisuseError("argv begins with an empty text, expected a program", got=argv[0])
