"""The manifest fields that an operator gives: ``field=value`` words, and a file of JSON."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imgadm.base.errors import FileSystemError, UsageError
from imgadm.base.json_input import JSONError, json_type, parse_json
from imgadm.base.text import excerpt
from imgadm.manifest import TEXT_FIELDS
from imgadm.manifest.parse import MAX_MANIFEST_BYTES


def parse_fields(arguments: Sequence[str]) -> dict[str, Any]:
    """Return the fields that ``field=value`` words give; a later word wins. Raises UsageError.

    A value that is valid JSON is parsed, any other is a string. A field that is a string in the
    manifest takes the text as it was typed: ``version=1.10`` does not become the number 1.1. A JSON
    string in quotes is parsed even there, because the original tool needed the quotes for such a
    version.
    """
    return dict(map(_parse_field, arguments))


def read_fields(path: str) -> dict[str, Any]:
    """Return the JSON object in the file ``path``, or on the standard input for ``-``.

    Raises UsageError for anything but a JSON object, and FileSystemError.
    """
    where = "on stdin" if path == "-" else f'in "{path}"'
    try:
        if path == "-":
            content = sys.stdin.buffer.read(MAX_MANIFEST_BYTES + 1)
        else:
            with Path(path).open("rb") as file:
                content = file.read(MAX_MANIFEST_BYTES + 1)
    except OSError as error:
        raise FileSystemError.from_os_error(f"cannot read the manifest {where}", error) from error
    try:
        if len(content) > MAX_MANIFEST_BYTES:
            raise JSONError(f"more than {MAX_MANIFEST_BYTES} bytes")
        fields = parse_json(content)
        if not isinstance(fields, dict):
            raise JSONError(f"a JSON object was expected, got {json_type(fields)}")
    except JSONError as error:
        raise UsageError(f"invalid manifest JSON {where}: {error}", cause=error) from error
    return fields


def _parse_field(argument: str) -> tuple[str, Any]:
    field, equals, text = argument.partition("=")
    if not equals or not field:
        raise UsageError(
            f'invalid manifest field arg "{excerpt(argument)}": must match "<field>=<value>"'
        )
    try:
        value = parse_json(text.encode("utf-8", "surrogateescape"))
    except JSONError:
        return field, text
    return field, value if field not in TEXT_FIELDS or isinstance(value, str) else text
