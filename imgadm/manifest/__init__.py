"""Image manifests: JSON from strangers, upgraded, validated, and as typed data.

The usual way through: :func:`parse_manifest` the bytes, :func:`upgrade_manifest`,
:func:`check_manifest` where an operator hands the manifest in, and :meth:`Manifest.of` for the
fields to work with. What is in this package is loaded when it is first asked for: whoever lists
images has no use for rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imgadm.manifest.composites import COMPRESSIONS
    from imgadm.manifest.parse import JSONError, parse_json, parse_manifest
    from imgadm.manifest.platform import check_platform
    from imgadm.manifest.rules import TEXT_FIELDS
    from imgadm.manifest.upgrade import upgrade_manifest
    from imgadm.manifest.uuids import check_uuid, is_uuid
    from imgadm.manifest.validate import check_manifest, find_violations
    from imgadm.manifest.view import ImageFile, Manifest
    from imgadm.manifest.violations import Violation
else:
    _MODULES = {
        "COMPRESSIONS": "composites",
        "ImageFile": "view",
        "JSONError": "parse",
        "Manifest": "view",
        "TEXT_FIELDS": "rules",
        "Violation": "violations",
        "check_manifest": "validate",
        "check_platform": "platform",
        "check_uuid": "uuids",
        "find_violations": "validate",
        "is_uuid": "uuids",
        "parse_json": "parse",
        "parse_manifest": "parse",
        "upgrade_manifest": "upgrade",
    }

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        globals()[name] = value
        return value


__all__ = [
    "COMPRESSIONS",
    "TEXT_FIELDS",
    "ImageFile",
    "JSONError",
    "Manifest",
    "Violation",
    "check_manifest",
    "check_platform",
    "check_uuid",
    "find_violations",
    "is_uuid",
    "parse_json",
    "parse_manifest",
    "upgrade_manifest",
]
