"""The manifest of a new image: given and inherited fields, and what its machine requires."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from imgadm.manifest.rules.fields import ZVOL_FIELDS

INHERITED = (
    "type",
    "os",
    "requirements",
    "users",
    "billing_tags",
    "traits",
    "generate_passwords",
    "inherited_directories",
    *ZVOL_FIELDS,
)
"""The fields that a new image inherits from the image below, unless they are given."""


def new_manifest(
    given: Mapping[str, Any],
    *,
    origin: Mapping[str, Any] | None = None,
    incremental: bool = False,
    defaults: Mapping[str, Any] | None = None,
    requirements: Mapping[str, Any] | None = None,
    make_uuid: Callable[[], object] = uuid.uuid4,
) -> dict[str, Any]:
    """Return the manifest of a new image, without ``files`` and not yet checked.

    ``given`` fields win over all others. ``origin`` is the manifest of the image below. Fields are
    inherited from it, each as a whole, and an ``incremental`` image names it. ``defaults`` are for
    fields that are neither given nor inherited. ``requirements`` are those of the machine. They
    replace inherited requirements of the same name, but not given ones.
    """
    manifest: dict[str, Any] = {"v": 2, "uuid": str(make_uuid())}
    manifest |= copy.deepcopy(dict(given))
    for field in INHERITED if origin is not None else ():
        assert origin is not None
        if field not in manifest and field in origin and origin[field] != []:
            manifest[field] = copy.deepcopy(origin[field])
    for field, value in (defaults or {}).items():
        manifest.setdefault(field, value)
    _require(manifest, given.get("requirements"), requirements or {})
    if incremental:
        assert origin is not None
        manifest["origin"] = origin["uuid"]
    return manifest


def _require(manifest: dict[str, Any], given: Any, wanted: Mapping[str, Any]) -> None:
    """Add the ``wanted`` requirements that are not ``given``; drop an empty min_platform."""
    current = manifest.get("requirements", {})
    if not isinstance(current, dict):
        return
    own = given if isinstance(given, dict) else {}
    current |= {name: value for name, value in wanted.items() if name not in own}
    if own.get("min_platform") == {}:
        del current["min_platform"]
    if current or "requirements" in manifest:
        manifest["requirements"] = current
