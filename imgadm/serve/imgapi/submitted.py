"""The manifest that a client submits, checked and turned into that of a new image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from imgadm.base.json_input import JSONError, json_type, parse_json
from imgadm.base.patterns import NO_OWNER
from imgadm.base.text import excerpt
from imgadm.manifest import find_violations, upgrade_manifest
from imgadm.manifest.errors import InvalidManifestError
from imgadm.manifest.rules.fields import ZVOL_FIELDS
from imgadm.serve.catalogues.writable.field_order import FIELDS_IN_ORDER, in_order
from imgadm.serve.http.replies import HttpError

_ONLY_IMPORTED = ("published_at", "urn")
_DROPPED = ("files", "activated", "channels", "icon", "error", "owner")


def submitted_manifest(body: bytes, uuid: str | None) -> dict[str, Any]:
    """Return the manifest of an unactivated image without a file, made from the one in ``body``.

    ``uuid`` is that of the image if the request names it; otherwise the image gets a new UUID.
    Raises :class:`HttpError` for a body that is no valid manifest.
    """
    raw = _upgraded(_object(body))
    if uuid is None:
        if "state" in raw:
            message = "a new image has no state yet"
            raise _invalid([{"field": "state", "code": "NotAllowed", "message": message}])
        forbidden: tuple[str, ...] = ("uuid", *_ONLY_IMPORTED)
    else:
        if raw.get("uuid") != uuid:
            raise _invalid_fields(["uuid"], f'invalid uuid: it is not "{uuid}", as in the address')
        forbidden = ()
    given = {name: value for name, value in raw.items() if name not in (*_DROPPED, "state")}
    forbidden += () if given.get("type") == "zvol" else ZVOL_FIELDS
    extra = [name for name in given if name not in FIELDS_IN_ORDER or name in forbidden]
    if extra:
        names = ", ".join(f'"{excerpt(name)}"' for name in extra)
        raise _invalid_fields(extra, f"invalid extra parameters: {names}")
    made = {"uuid": uuid or str(uuid4()), "owner": NO_OWNER, "state": "unactivated", "files": []}
    manifest = {"disabled": False, "public": False} | given | made
    violations = find_violations({**manifest, "activated": False}, "dc")
    if violations:
        raise _invalid([violation.as_dict() for violation in violations])
    return in_order(manifest)


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = parse_json(body)
    except JSONError as error:
        raise HttpError(400, "InvalidContent", f"the body is {error}") from error
    if not isinstance(value, dict):
        message = f"a manifest was expected, got {json_type(value)}"
        raise HttpError(400, "InvalidContent", message)
    return value


def _upgraded(raw: Mapping[str, Any]) -> dict[str, Any]:
    current = raw if "v" in raw or "creator_uuid" in raw else {"v": 2, **raw}
    try:
        return upgrade_manifest(current)
    except InvalidManifestError as error:
        raise HttpError(422, "ValidationFailed", error.message, errors=[]) from error


def _invalid(errors: list[dict[str, str]]) -> HttpError:
    fields = ", ".join(error["field"] for error in errors)
    return HttpError(422, "ValidationFailed", f"invalid image data: {fields}", errors=errors)


def _invalid_fields(fields: list[str], message: str) -> HttpError:
    errors = [{"field": excerpt(field), "code": "Invalid"} for field in fields]
    return HttpError(422, "InvalidParameter", message, errors=errors)
