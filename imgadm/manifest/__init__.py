"""Image manifests: JSON from strangers, upgraded, validated, and as typed data.

The usual way through: :func:`parse_manifest` the bytes, :func:`upgrade_manifest`,
:func:`check_manifest` where an operator hands the manifest in, and :meth:`Manifest.of` for the
fields to work with. What is in this package is loaded when it is first asked for: whoever lists
images has no use for rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imgadm.manifest.manifest import ImageFile, Manifest
    from imgadm.manifest.parse import MAX_MANIFEST_BYTES, parse_manifest
    from imgadm.manifest.platform import check_platform
    from imgadm.manifest.rules.fields import TEXT_FIELDS
    from imgadm.manifest.rules.validate import check_manifest, find_violations
    from imgadm.manifest.rules.violations import Violation
    from imgadm.manifest.upgrade import upgrade_manifest
else:
    _MODULES = {
        "ImageFile": "imgadm.manifest.manifest",
        "MAX_MANIFEST_BYTES": "imgadm.manifest.parse",
        "Manifest": "imgadm.manifest.manifest",
        "TEXT_FIELDS": "imgadm.manifest.rules.fields",
        "Violation": "imgadm.manifest.rules.violations",
        "check_manifest": "imgadm.manifest.rules.validate",
        "check_platform": "imgadm.manifest.platform",
        "find_violations": "imgadm.manifest.rules.validate",
        "parse_manifest": "imgadm.manifest.parse",
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
    "MAX_MANIFEST_BYTES",
    "TEXT_FIELDS",
    "ImageFile",
    "Manifest",
    "Violation",
    "check_manifest",
    "check_platform",
    "find_violations",
    "parse_manifest",
    "upgrade_manifest",
]
