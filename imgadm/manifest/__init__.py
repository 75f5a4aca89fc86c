"""Image manifests: JSON from strangers, upgraded, validated, and as typed data.

The usual way through: :func:`parse_manifest` the bytes, :func:`upgrade_manifest`,
:func:`check_manifest` where an operator hands the manifest in, and :meth:`Manifest.of` for the
fields to work with.
"""

from __future__ import annotations

from imgadm.manifest.composites import COMPRESSIONS
from imgadm.manifest.parse import JSONError, parse_json, parse_manifest
from imgadm.manifest.platform import check_platform
from imgadm.manifest.rules import TEXT_FIELDS
from imgadm.manifest.upgrade import upgrade_manifest
from imgadm.manifest.uuids import check_uuid, is_uuid
from imgadm.manifest.validate import check_manifest, find_violations
from imgadm.manifest.view import ImageFile, Manifest
from imgadm.manifest.violations import Violation

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
