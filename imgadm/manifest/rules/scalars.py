"""Rules of the fields of a manifest that hold one value: text, numbers, booleans, dates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from imgadm.base.json_values import as_boolean, as_number, as_text, is_whole, truthy
from imgadm.base.patterns import is_uuid
from imgadm.base.text import excerpt, json_excerpt
from imgadm.manifest.rules.violations import Rule, RuleContext, Violation, invalid

STATES = ("active", "unactivated", "disabled", "failed", "creating")

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3})?Z")


def format_version(field: str, value: Any, _: RuleContext) -> Iterator[Violation]:
    """Check that the format version is a number that is not negative."""
    number = as_number(value)
    if number is None or number < 0:
        yield invalid(field, '"v" must be a positive integer')


def uuid(field: str, value: Any, _: RuleContext) -> Iterator[Violation]:
    """Check that the field is a UUID."""
    if not is_uuid(value):
        yield invalid(field)


def string(field: str, value: Any, _: RuleContext) -> Iterator[Violation]:
    """Check that the field is a string."""
    if not isinstance(value, str):
        yield invalid(field)


def text(limit: int, pattern: re.Pattern[str] | None = None, allowed: str = "") -> Rule:
    """Return the rule of a text of at most ``limit`` characters that ``pattern`` allows.

    ``allowed`` names the characters besides letters and digits, for the message.
    """

    def rule(field: str, value: Any, _: RuleContext) -> Iterator[Violation]:
        text = as_text(value)
        if text is None:
            yield invalid(field, f"image {field} is not a string: {json_excerpt(value)}")
            return
        if len(text) > limit:
            yield invalid(field, f"image {field} is too long, max {limit} characters")
        if pattern and not pattern.fullmatch(text):
            yield invalid(
                field,
                f"image {field} has invalid characters (only alpha-numeric characters and "
                f"{allowed} are allowed)",
            )

    return rule


def web_page(label: str) -> Rule:
    """Return the rule of the URL of a web page, which messages call ``label``."""

    def rule(field: str, value: Any, _: RuleContext) -> Iterator[Violation]:
        url = value if isinstance(value, str) else ""
        if not url.lower().startswith(("http:", "https:")):
            yield invalid(field, f"invalid image {label} URL protocol")
        if len(url) > 1024:
            yield invalid(field, f"image {label} URL is too long (max 1024 characters)")

    return rule


def boolean(field: str, value: Any, _: RuleContext) -> Iterator[Violation]:
    """Check that the field is a boolean, or the text ``true`` or ``false``."""
    if as_boolean(value) is None:
        yield invalid(
            field, f'invalid value for "{field}" (must be true or false): {json_excerpt(value)}'
        )


def published_at(field: str, value: Any, _: RuleContext) -> Iterator[Violation]:
    """Check that the field is a date in UTC."""
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        yield invalid(field, 'published_at date not in "YYYY-MM-DDTHH:MM:SS(.SSS)Z" format')


def state(field: str, value: Any, _: RuleContext) -> Iterator[Violation]:
    """Check that the field is one of :data:`STATES`."""
    if value not in STATES:
        yield invalid(field)


def public(field: str, value: Any, context: RuleContext) -> Iterator[Violation]:
    """Check that the field is a boolean that the mode of the server allows."""
    yield from boolean(field, value, context)
    is_public = as_boolean(value)
    if context.mode == "public" and is_public is False:
        yield invalid(field, "private images are not allowed on a public Images API")
    if context.mode == "private" and is_public is True:
        yield invalid(field, "public images are not allowed on a private Images API")


def one_of(choices: tuple[str, ...]) -> Rule:
    """Return the rule of a field that has one of ``choices``.

    The text ``null`` is allowed for an image that is being created or could not be created.
    """

    def rule(field: str, value: Any, context: RuleContext) -> Iterator[Violation]:
        if value in choices:
            return
        got = f'invalid image {field}, "{excerpt(value)}"'
        if value != "null":
            yield invalid(field, f"{got}, must be one of: {', '.join(choices)}")
        elif context.manifest.get("state") not in ("creating", "failed"):
            yield invalid(field, got)

    return rule


def _is_zvol(context: RuleContext) -> bool:
    return context.manifest.get("type") == "zvol"


def _zvol_only(field: str, value: Any) -> Violation:
    return invalid(
        field,
        f'invalid image {field}: "{excerpt(value)}" '
        "(cannot have a value when image type is not zvol)",
    )


def zvol_string(field: str, value: Any, context: RuleContext) -> Iterator[Violation]:
    """Check that the field is a string, and that only zvol images have it."""
    if not _is_zvol(context):
        if truthy(value):
            yield _zvol_only(field, value)
    elif not isinstance(value, str):
        yield invalid(field, f'invalid image {field}: "{excerpt(value)}" (must be a string)')


def image_size(field: str, value: Any, context: RuleContext) -> Iterator[Violation]:
    """Check that the field is a whole number, and that only zvol images have it."""
    if not _is_zvol(context):
        if truthy(value):
            yield _zvol_only(field, value)
    elif not is_whole(value):
        got = f'invalid image {field}: "{excerpt(value)}"'
        yield invalid(field, f"{got} (must be a positive integer)")
