"""The members of a manifest in the order in which image servers give them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imgadm.manifest.rules.fields import ZVOL_FIELDS

FIELDS_IN_ORDER = (
    *("v", "uuid", "owner", "name", "version", "state", "disabled", "public", "published_at"),
    *("type", "os", "files", "acl", "description", "homepage", "eula", "urn", "requirements"),
    *("users", "generate_passwords", "inherited_directories", "origin", *ZVOL_FIELDS, "tags"),
    *("billing_tags", "traits"),
)
"""All members that an image server keeps of a manifest."""


def in_order(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a valid manifest in the order of :data:`FIELDS_IN_ORDER`."""
    return {name: manifest[name] for name in FIELDS_IN_ORDER if name in manifest}
