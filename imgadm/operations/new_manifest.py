"""The manifest of a new image: what is given, inherited, and told by the machine."""

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
"""Fields that a new image has from the one that its disk was cloned from, unless they are given."""


def new_manifest(
    given: Mapping[str, Any],
    *,
    origin: Mapping[str, Any] | None = None,
    incremental: bool = False,
    defaults: Mapping[str, Any] | None = None,
    requirements: Mapping[str, Any] | None = None,
    make_uuid: Callable[[], object] = uuid.uuid4,
) -> dict[str, Any]:
    """Return the manifest of a new image, without ``files``; :func:`check_manifest` is for others.

    What is ``given`` wins over all else. ``origin`` is the manifest of the image below: fields are
    inherited from it, each as a whole, and an ``incremental`` image names it. ``defaults`` are for
    fields that are neither given nor inherited. ``requirements`` are what the machine asks for:
    they replace inherited ones one by one, and given ones never.
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
    """Add what is ``wanted`` and not ``given``. Whoever gives an empty min_platform wants none."""
    current = manifest.get("requirements", {})
    if not isinstance(current, dict):
        return
    own = given if isinstance(given, dict) else {}
    current |= {name: value for name, value in wanted.items() if name not in own}
    if own.get("min_platform") == {}:
        del current["min_platform"]
    if current or "requirements" in manifest:
        manifest["requirements"] = current
