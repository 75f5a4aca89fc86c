"""Checks of the arguments of the toolkit's functions, made before anything is opened."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence

from imgadm.streams.errors import MisuseError


def check_count(name: str, value: object, *, least: int = 0, most: int | None = None) -> None:
    """Raise MisuseError unless ``value`` is None or an int from ``least`` to ``most``.

    ``name`` is the parameter's name, for the message. Booleans are refused.
    """
    if value is None:
        return
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not is_whole or value < least or (most is not None and value > most):  # type: ignore[operator]
        wanted = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise MisuseError(f"{name} is {value!r}, expected a whole number {wanted}", got=value)


def check_seconds(name: str, value: object, *, zero: bool = False) -> None:
    """Raise MisuseError unless ``value`` is a finite number above 0, or 0 where ``zero`` allows it.

    ``name`` is the parameter's name, for the message.
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value < 0 or (value == 0 and not zero):  # type: ignore[arg-type,operator]
        wanted = "of at least 0" if zero else "above 0"
        raise MisuseError(f"{name} is {value!r}, expected seconds {wanted}", got=value)


def check_path(name: str, value: object) -> None:
    """Raise MisuseError unless ``value`` is a path: a str, bytes or os.PathLike, and not empty.

    ``name`` is the parameter's name, for the message.
    """
    if not isinstance(value, (str, bytes, os.PathLike)):
        raise MisuseError(f"{name} is {value!r}, expected a path", got=value)
    text = os.fsdecode(value)
    if not text or "\0" in text:
        raise MisuseError(f"{name} is {text!r}, expected a path", got=value)


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
        if not isinstance(word, (str, bytes, os.PathLike)) or "\0" in os.fsdecode(word):
            raise MisuseError(f"argv has {word!r} in it, expected texts only", got=word)
    if not os.fspath(argv[0]):
        raise MisuseError("argv begins with an empty text, expected a program", got=argv[0])


def check_listener(name: str, value: object) -> None:
    """Raise MisuseError unless ``value`` is None or can be called."""
    if value is not None and not callable(value):
        raise MisuseError(f"{name} is {value!r}, expected a function", got=value)


def check_choice(name: str, value: object, choices: Sequence[object]) -> None:
    """Raise MisuseError unless ``value`` is one of ``choices``, which the message names."""
    if not any(type(value) is type(choice) and value == choice for choice in choices):
        wanted = ", ".join(map(str, choices))
        raise MisuseError(f'unknown {name} "{value}", must be one of: {wanted}', got=value)


def check_kind(name: str, value: object, kind: type | tuple[type, ...], wanted: str) -> None:
    """Raise MisuseError, with ``wanted`` in its message, unless ``value`` is a ``kind``."""
    if not isinstance(value, kind):
        raise MisuseError(f"{name} is {value!r}, expected {wanted}", got=value)


def check_web_address(url: object) -> None:
    """Raise MisuseError unless ``url`` is a text with a scheme, such as ``https://host/path``.

    The message does not show the address, which may have a password in it. A scheme that is neither
    ``http`` nor ``https`` passes this check, and fails when the transfer begins.
    """
    if not isinstance(url, str) or "://" not in url:
        raise MisuseError("url is no address such as https://host/path")


def check_headers(headers: object) -> None:
    """Raise MisuseError unless ``headers`` is None or a mapping of names to values."""
    if headers is not None:
        check_kind("headers", headers, Mapping, 'a mapping such as {"accept": "*/*"}')


def check_dataset(name: str, value: object, *, snapshot: bool = False) -> None:
    """Raise MisuseError unless ``value`` can be the name of a dataset, or of a ``snapshot``.

    A name that begins with a dash would be an option of ``zfs``.
    """
    wanted = 'a snapshot such as "zones/x@final"' if snapshot else 'a dataset such as "zones/x"'
    check_kind(name, value, str, wanted)
    if not value or str(value).startswith("-") or ("@" not in str(value) and snapshot):
        raise MisuseError(f'{name} is "{value}", expected {wanted}', got=value)
