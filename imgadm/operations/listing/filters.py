"""Filters of images, ``FIELD=VALUE``: what they look at and when they match."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from imgadm.base.errors import UsageError
from imgadm.operations.listing.comparison import MISSING, string_form
from imgadm.operations.listing.rows import ListedImage, column

Filters = Mapping[str, str]
"""The wanted value by field; all must match."""


def parse_filters(arguments: Iterable[str]) -> Filters:
    """Read filters as typed; the last of one field wins. Raises UsageError."""
    filters = {}
    for argument in arguments:
        field, equals, value = argument.partition("=")
        if not equals:
            raise UsageError(
                f'invalid filter: "{argument}" (must be of the form "field=value")',
                synopsis_helps=True,
            )
        filters[field] = value
    return filters


def matching(images: Sequence[ListedImage], filters: Filters) -> Sequence[ListedImage]:
    """Return those of ``images`` that have all the wanted values.

    A field with dots leads into objects and arrays: ``files.0.compression``. A value ``true`` or
    ``false`` is that boolean; ``~TEXT`` is part of a text, or one element of an array; anything
    else is the whole text of the field.
    """
    for field, wanted in filters.items():
        name, *steps = field.split(".")
        values = column(images, name)
        images = [
            image
            for image, value in zip(images, values, strict=True)
            if _matches(_follow(value, steps), wanted)
        ]
    return images


def _follow(value: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        if isinstance(value, Mapping):
            value = value.get(step, MISSING)
        elif isinstance(value, list) and step.isascii() and step.isdecimal():
            value = value[int(step)] if int(step) < len(value) else MISSING
        else:
            return MISSING
    return value


def _matches(value: Any, wanted: str) -> bool:
    if value is MISSING:
        return False
    if wanted in {"true", "false"}:
        return value is (wanted == "true")
    if wanted.startswith("~"):
        return isinstance(value, (str, list)) and wanted[1:] in value
    return string_form(value) == wanted
