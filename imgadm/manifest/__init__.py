"""Image manifests: JSON from strangers, upgraded, validated, and as typed data.

The usual way through: :func:`parse_manifest` the bytes, :func:`upgrade_manifest`,
:func:`check_manifest` where an operator hands the manifest in, and :meth:`Manifest.of` for the
fields to work with. What is in this package is loaded when it is first asked for: whoever lists
images has no use for rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imgadm.base.json_input import JSONError, parse_json, parse_manifest
    from imgadm.base.patterns import check_uuid, is_uuid
    from imgadm.manifest.manifest import ImageFile, Manifest
    from imgadm.manifest.platform import check_platform
    from imgadm.manifest.rules.fields import TEXT_FIELDS
    from imgadm.manifest.rules.validate import check_manifest, find_violations
    from imgadm.manifest.rules.violations import Violation
    from imgadm.manifest.upgrade import upgrade_manifest
else:
    _MODULES = {
        "ImageFile": "imgadm.manifest.manifest",
        "JSONError": "imgadm.base.json_input",
        "Manifest": "imgadm.manifest.manifest",
        "TEXT_FIELDS": "imgadm.manifest.rules.fields",
        "Violation": "imgadm.manifest.rules.violations",
        "check_manifest": "imgadm.manifest.rules.validate",
        "check_platform": "imgadm.manifest.platform",
        "check_uuid": "imgadm.base.patterns",
        "find_violations": "imgadm.manifest.rules.validate",
        "is_uuid": "imgadm.base.patterns",
        "parse_json": "imgadm.base.json_input",
        "parse_manifest": "imgadm.base.json_input",
        "upgrade_manifest": "imgadm.manifest.upgrade",
    }

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_MODULES[name]), name)
        globals()[name] = value
        return value


__all__ = [
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
