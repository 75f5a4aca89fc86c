"""The upgrade of manifests of version 1 (Dataset API of SDC 6.5, ``.dsmanifest``) to version 2."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from imgadm.base.compressions import compression_by_suffix
from imgadm.base.json_values import as_boolean, as_number, truthy
from imgadm.base.patterns import is_uuid
from imgadm.base.text import excerpt
from imgadm.manifest.errors import InvalidManifestError

_DROPPED = (
    "vendor_uuid",
    "creator_name",
    "cloud_name",
    "creator_admin",
    "owner_uuid",
    "platform_type",
    "created_at",
    "updated_at",
    "_url",
)
_COMPRESSIONS_OF_VERSION_1 = ("gzip", "bzip2")
_WITHOUT_SECONDS = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2})Z")


def upgrade_manifest(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``manifest`` in the current format, and leave ``manifest`` itself unchanged.

    A manifest of version 2 or newer is returned as it is. Raises :class:`InvalidManifestError` for
    a manifest with neither ``v`` nor the ``creator_uuid`` of version 1.
    """
    version = as_number(manifest.get("v"))
    if version is not None and version >= 2:
        return dict(manifest)
    if "creator_uuid" not in manifest:
        if "v" not in manifest:
            raise InvalidManifestError('manifest does not have a "v" field')
        raise InvalidManifestError(f'"v" is {excerpt(manifest["v"])}, 2 was expected')
    return _from_version_1(deepcopy(dict(manifest)))


def _from_version_1(manifest: dict[str, Any]) -> dict[str, Any]:
    if not is_uuid(manifest.get("uuid")):
        raise InvalidManifestError(f'uuid is required: "{excerpt(manifest.get("uuid"))}"')
    if "owner" in manifest:
        raise InvalidManifestError('both "owner" and "creator_uuid" are given')
    if "public" in manifest:
        raise InvalidManifestError('"public" is given in a version 1 manifest')

    manifest["owner"] = manifest.pop("creator_uuid")
    if truthy(reader := manifest.pop("restricted_to_uuid", None)):
        manifest["public"] = False
        manifest["acl"] = [reader]
    else:
        manifest["public"] = True

    disabled = manifest.get("disabled", False)
    spelled = as_boolean(disabled)
    manifest["disabled"] = truthy(disabled) if spelled is None else spelled
    manifest["state"] = "disabled" if manifest["disabled"] else "active"

    published = manifest.get("published_at") or manifest.get("created_at")
    if truthy(published):
        manifest["published_at"] = _with_seconds(published)
    if isinstance(manifest.get("files"), list):
        manifest["files"] = [_upgraded_file(entry) for entry in manifest["files"]]
    if (size := as_number(manifest.get("image_size"))) is not None:
        manifest["image_size"] = size
    for field in _DROPPED:
        manifest.pop(field, None)
    manifest["v"] = 2
    return manifest


def _with_seconds(published_at: Any) -> Any:
    if isinstance(published_at, str) and (match := _WITHOUT_SECONDS.fullmatch(published_at)):
        return f"{match[1]}:00Z"
    return published_at


def _upgraded_file(entry: Any) -> Any:
    if not isinstance(entry, dict):
        return entry
    name = entry.pop("path", None)
    url = entry.pop("url", None)
    if not truthy(entry.get("compression")):
        named = name if truthy(name) else url
        suffix = re.search(r"\.[^./]*$", named) if isinstance(named, str) else None
        found = compression_by_suffix(suffix[0] if suffix else "")
        entry["compression"] = found if found in _COMPRESSIONS_OF_VERSION_1 else "none"
    return entry
