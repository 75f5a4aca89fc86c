"""Which fields a manifest must have, and every rule it breaks, in one list.

The order of the list is part of the contract: fields that the rule set requires first, then the
other known ones, then unknown ones as they come.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from imgadm.base.json_values import as_boolean
from imgadm.base.text import excerpt
from imgadm.manifest.errors import ManifestValidationError
from imgadm.manifest.rules.fields import RULES, ZVOL_FIELDS
from imgadm.manifest.rules.violations import RuleContext, Violation, invalid, missing

_SERVER = (
    "v",
    "uuid",
    "owner",
    "name",
    "version",
    "disabled",
    "activated",
    "published_at",
    "public",
    "state",
    "type",
    "os",
    "files",
    *ZVOL_FIELDS,
)

RULE_SETS: Mapping[str, tuple[str, ...]] = {
    "minimal": ("v", "uuid", "name", "version", "type", "os"),
    "dc": _SERVER,
    "public": _SERVER,
    "private": _SERVER,
}
"""Required fields: ``minimal`` for installing, the others are modes of an IMGAPI server."""

_ONLY_ACTIVATED = {"published_at", "files"}


def find_violations(
    manifest: Mapping[str, Any],
    rule_set: str = "minimal",
    *,
    channels: Collection[str] | None = None,
) -> list[Violation]:
    """Return every rule that ``manifest`` breaks; an empty list means that it is valid.

    ``channels`` are the names that a server with channels knows. Takes any JSON value in any
    field and never changes the manifest.
    """
    required = list(RULE_SETS[rule_set])
    if channels is not None and rule_set in ("public", "private"):
        required.append("channels")
    context = RuleContext(manifest, rule_set, channels)
    found: list[Violation] = []
    for field in required:
        if field in manifest:
            found += RULES[field](field, manifest[field], context)
        else:
            found += _absent(field, manifest)
    for field, rule in RULES.items():
        if field in manifest and field not in required:
            found += rule(field, manifest[field], context)
    found += [invalid(excerpt(field)) for field in manifest if field not in RULES]
    return found


def check_manifest(manifest: Mapping[str, Any], rule_set: str = "minimal") -> None:
    """Raise :class:`ManifestValidationError` with every rule that ``manifest`` breaks, if any."""
    if found := find_violations(manifest, rule_set):
        raise ManifestValidationError([violation.as_dict() for violation in found])


def _absent(field: str, manifest: Mapping[str, Any]) -> Iterator[Violation]:
    if field in _ONLY_ACTIVATED:
        if as_boolean(manifest.get("activated")):
            yield missing(field, f'if activated is "true" {field} must be present')
    elif field not in ZVOL_FIELDS or manifest.get("type") == "zvol":
        yield missing(field)
