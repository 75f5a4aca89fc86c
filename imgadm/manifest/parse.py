"""The bytes of a manifest, read as a JSON object of bounded size."""

from __future__ import annotations

from typing import Any

from imgadm.base.json_input import JSONError, json_type, parse_json
from imgadm.manifest.errors import InvalidManifestError

MAX_MANIFEST_BYTES = 4 << 20
"""The size of the largest manifest that imgadm reads."""


def parse_manifest(data: bytes) -> dict[str, Any]:
    """Return the manifest in ``data`` with its fields, order and version as they are there.

    Raises :class:`InvalidManifestError` unless ``data`` is a JSON object of at most
    :data:`MAX_MANIFEST_BYTES`.
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
