"""Media types of the content of registries, and how each of them is read."""

from __future__ import annotations

import re

_DOCKER = "application/vnd.docker."
_OCI = "application/vnd.oci."

SCHEMA_1 = frozenset(
    {
        _DOCKER + "distribution.manifest.v1+json",
        _DOCKER + "distribution.manifest.v1+prettyjws",
    }
)
MANIFESTS = frozenset({_DOCKER + "distribution.manifest.v2+json", _OCI + "image.manifest.v1+json"})
INDEXES = frozenset({_DOCKER + "distribution.manifest.list.v2+json", _OCI + "image.index.v1+json"})
CONFIGS = frozenset(
    {
        _DOCKER + "container.image.v1+json",
        _OCI + "image.config.v1+json",
        # The first clients and registries of schema 2 used these, and Docker still accepts them
        # (https://github.com/distribution/distribution/issues/1621).
        "application/octet-stream",
        "application/json",
        "text/html",
        "",
    }
)
MANIFEST_ACCEPT = ", ".join(sorted(INDEXES) + sorted(MANIFESTS) + sorted(SCHEMA_1))
"""The value of ``Accept``. A registry that honours it answers 404 for any other type."""

LAYERS: dict[str, str | None] = {
    _DOCKER + "image.rootfs.diff.tar": "none",
    _DOCKER + "image.rootfs.diff.tar.gzip": "gzip",
    _DOCKER + "image.rootfs.diff.tar.zstd": "zstd",
    _OCI + "image.layer.v1.tar": "none",
    _OCI + "image.layer.v1.tar+gzip": "gzip",
    _OCI + "image.layer.v1.tar+zstd": "zstd",
    "application/octet-stream": None,
    "": None,
}
"""The compression that each type of layer names; ``None`` if it names none."""

FOREIGN_LAYERS: dict[str, str | None] = {
    _DOCKER + "image.rootfs.foreign.diff.tar": "none",
    _DOCKER + "image.rootfs.foreign.diff.tar.gzip": "gzip",
    _OCI + "image.layer.nondistributable.v1.tar": "none",
    _OCI + "image.layer.nondistributable.v1.tar+gzip": "gzip",
    _OCI + "image.layer.nondistributable.v1.tar+zstd": "zstd",
}
"""The same for layers with addresses of their own, which registries need not have."""

_ARCHIVE = re.compile(r"(?:.*[./+-])?(?:x-)?(?:tar|gtar|gzip|tgz|zstd)(?:[.+-].*)?")
_ENCRYPTED = "encrypted"


def usual(media_type: str) -> str:
    """Return ``media_type`` for comparison: in lower case, without blanks and parameters."""
    return media_type.partition(";")[0].strip().lower()


def is_layer(media_type: str) -> bool:
    """Tell whether a blob of ``media_type`` may be an archive of files.

    Types that resemble those of archives count, since the digest and the first bytes of the blob
    are checked anyway. Encrypted archives do not count.
    """
    if media_type in LAYERS or media_type in FOREIGN_LAYERS:
        return True
    return _ENCRYPTED not in media_type and _ARCHIVE.fullmatch(media_type) is not None
