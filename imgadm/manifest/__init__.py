"""The manifest format: parsing, upgrade from version 1, validation, and a typed view.

A manifest usually passes through :func:`parse_manifest`, :func:`upgrade_manifest` and
:meth:`Manifest.of`; one from an operator also through :func:`check_manifest`. Each name is loaded
at its first use, because commands that only list images need no rules.
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
        """Return what the package exports as ``name``, and load the module that has it."""
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
