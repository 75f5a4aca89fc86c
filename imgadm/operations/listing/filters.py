"""Filters of images, ``FIELD=VALUE``: their parsing, and the images that match."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from imgadm.base.errors import UsageError
from imgadm.operations.listing.comparison import MISSING, string_form
from imgadm.operations.listing.rows import ListedImage, column

Filters = Mapping[str, str]
"""The wanted values by field; an image must have all of them."""


def parse_filters(arguments: Iterable[str]) -> Filters:
    """Return the filters in ``arguments``; the last one for a field counts. Raises UsageError."""
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

    A field with dots leads into objects and arrays, as in ``files.0.compression``. The values
    ``true`` and ``false`` match booleans. ``~TEXT`` matches a text that contains ``TEXT``, and an
    array with that element. Any other value matches the whole text form of the field.
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
