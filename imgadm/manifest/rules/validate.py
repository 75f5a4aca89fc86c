"""The check of a whole manifest: the fields it must have, and the rules that it breaks.

The order of the violations is part of the contract: first the fields that the rule set requires,
then the other known fields, then unknown fields in the order of the manifest.
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
"""The required fields by rule set: ``minimal`` is for installing, others for IMGAPI servers."""

_ONLY_ACTIVATED = {"published_at", "files"}


def find_violations(
    manifest: Mapping[str, Any],
    rule_set: str = "minimal",
    *,
    channels: Collection[str] | None = None,
) -> list[Violation]:
    """Return every rule that ``manifest`` breaks; an empty list means that it is valid.

    ``rule_set`` is a key of :data:`RULE_SETS`. ``channels`` are the names of the channels of a
    server that has channels. Any field may have any JSON value. ``manifest`` is not changed.
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
