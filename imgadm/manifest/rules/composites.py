"""Rules of the fields of a manifest that are arrays or objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imgadm.base.compressions import COMPRESSIONS
from imgadm.base.json_text import compact_json
from imgadm.base.json_values import truthy
from imgadm.base.patterns import is_uuid
from imgadm.base.text import excerpt, json_excerpt
from imgadm.manifest.rules.requirements import requirement_violations
from imgadm.manifest.rules.violations import RuleContext, Violation, invalid

MAX_TAGS_CHARACTERS = 102_400
MAX_BILLING_TAG_CHARACTERS = 128


def error(field: str, value: Any, _: RuleContext) -> Iterator[Violation]:
    """Check that the field is an object."""
    if not isinstance(value, dict):
        yield invalid(field, f'invalid image "error" (not an object): {json_excerpt(value)}')


def files(field: str, value: Any, _: RuleContext) -> Iterator[Violation]:
    """Check that the field is an array of at most one file with SHA-1, size and compression."""
    if not isinstance(value, list):
        yield invalid(field, f'invalid image "files" (not an array): {excerpt(value)}')
        return
    if len(value) > 1:
        yield invalid(field, 'invalid image "files": too many files')
    for entry in value:
        yield from _file(field, entry)


def _file(field: str, entry: Any) -> Iterator[Violation]:
    if not isinstance(entry, dict):
        yield invalid(field, f'invalid image "files": file is not an object: {json_excerpt(entry)}')
        return
    for member in ("sha1", "size", "compression"):
        if not truthy(entry.get(member)):
            yield invalid(field, f'invalid image "files": file missing "{member}" field')
    compression = entry.get("compression")
    if truthy(compression) and compression not in COMPRESSIONS:
        yield invalid(
            field,
            f'invalid image "files": invalid compression "{excerpt(compression)}" '
            f"(must be one of {', '.join(COMPRESSIONS)})",
        )


def acl(field: str, value: Any, _: RuleContext) -> Iterator[Violation]:
    """Check that the field is an array of UUIDs; report the first item that is none."""
    if not isinstance(value, list):
        yield invalid(field, f'invalid image "acl" (not an array): {excerpt(value)}')
        return
    for index, account in enumerate(value):
        if not is_uuid(account):
            got = f"(item {index} is not a UUID): {excerpt(account)}"
            yield invalid(field, f'invalid image "acl" {got}')
            return


def requirements(_field: str, value: Any, _: RuleContext) -> Iterator[Violation]:
    """Check the members of the field."""
    yield from requirement_violations(value)


def users(field: str, value: Any, _: RuleContext) -> Iterator[Violation]:
    """Check that the field is an array of objects with a name and nothing else."""
    if not isinstance(value, list):
        yield invalid(field, f'invalid image "users" (not an array): {json_excerpt(value)}')
        return
    for entry in value:
        if not isinstance(entry, dict) or set(entry) != {"name"}:
            yield invalid(field, f'invalid image "users" entry: {json_excerpt(entry)}')


def billing_tags(field: str, value: Any, _: RuleContext) -> Iterator[Violation]:
    """Check that the field is an array of strings of bounded length."""
    if not isinstance(value, list):
        yield invalid(field, f'invalid image "billing_tags" (not an array): {excerpt(value)}')
        return
    for tag in value:
        if not isinstance(tag, str) or len(tag) > MAX_BILLING_TAG_CHARACTERS:
            yield invalid(field, f'invalid image "billing_tags" entry : {excerpt(tag)}')


def traits(field: str, value: Any, _: RuleContext) -> Iterator[Violation]:
    """Check that the field is an object of strings, booleans and arrays; an array passes, too."""
    if not isinstance(value, (dict, list)):
        yield invalid(field, f'invalid image "traits" (not an object): {json_excerpt(value)}')
        return
    for key, trait in value.items() if isinstance(value, dict) else enumerate(value):
        if not isinstance(trait, (str, bool, list)):
            entry = f"({excerpt(key)}, {json_excerpt(trait)})"
            yield invalid(field, f'invalid image "traits" entry: {entry}')


def tags(field: str, value: Any, _: RuleContext) -> Iterator[Violation]:
    """Check that the field is an object, of bounded length as JSON."""
    if not isinstance(value, dict):
        yield invalid(field, f'invalid image "tags" (not an object): {json_excerpt(value)}')
        return
    length = len(compact_json(value))
    if length > MAX_TAGS_CHARACTERS:
        yield invalid(
            field,
            f'image "tags" object is too big: {length} characters (max {MAX_TAGS_CHARACTERS})',
        )


def inherited_directories(field: str, value: Any, context: RuleContext) -> Iterator[Violation]:
    """Check that the field is an array of strings, in an image of type ``zone-dataset``."""
    got = f'invalid image "{field}"'
    if context.manifest.get("type") != "zone-dataset":
        only = "(only valid for a type:zone-dataset image)"
        yield invalid(field, f"{got} {only}: {json_excerpt(value)}")
    elif not isinstance(value, list):
        yield invalid(field, f"{got} (not an array): {json_excerpt(value)}")
    else:
        for entry in value:
            if not isinstance(entry, str):
                yield invalid(field, f"{got} entry: {json_excerpt(entry)}")


def channels(field: str, value: Any, context: RuleContext) -> Iterator[Violation]:
    """Check that the field is an array of the names of channels that the server has."""
    if context.mode != "minimal" and context.channels is None:
        yield invalid(field, "channels is invalid with an IMGAPI not configured for channels")
    elif not isinstance(value, list):
        yield invalid(field, f'invalid image "channels" (not an array): {json_excerpt(value)}')
    else:
        for entry in value:
            if not isinstance(entry, str) or entry not in (context.channels or (entry,)):
                yield invalid(field, f'invalid image "channels" entry: {json_excerpt(entry)}')
