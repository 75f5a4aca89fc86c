"""Media types of what registries keep, and what we take each of them for."""

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
        # Of the first clients and registries of schema 2, as Docker still takes them
        # (https://github.com/distribution/distribution/issues/1621).
        "application/octet-stream",
        "application/json",
        "text/html",
        "",
    }
)
MANIFEST_ACCEPT = ", ".join(sorted(INDEXES) + sorted(MANIFESTS) + sorted(SCHEMA_1))
"""A registry that honours ``Accept`` says it does not have what is not named here."""

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
"""The compression that a type of layer is called by; ``None``: by none."""

FOREIGN_LAYERS: dict[str, str | None] = {
    _DOCKER + "image.rootfs.foreign.diff.tar": "none",
    _DOCKER + "image.rootfs.foreign.diff.tar.gzip": "gzip",
    _OCI + "image.layer.nondistributable.v1.tar": "none",
    _OCI + "image.layer.nondistributable.v1.tar+gzip": "gzip",
    _OCI + "image.layer.nondistributable.v1.tar+zstd": "zstd",
}
"""The same of layers that registries need not keep, and that have addresses of their own."""

_ARCHIVE = re.compile(r"(?:.*[./+-])?(?:x-)?(?:tar|gtar|gzip|tgz|zstd)(?:[.+-].*)?")
_ENCRYPTED = "encrypted"


def usual(media_type: str) -> str:
    """Return a media type as it is compared: without blanks, parameters and capitals."""
    return media_type.partition(";")[0].strip().lower()


def is_layer(media_type: str) -> bool:
    """Tell whether a blob of this type may be an archive of files, whatever exactly it is called.

    Its digest and its first bytes tell the rest. Encrypted archives are not.
    """
    if media_type in LAYERS or media_type in FOREIGN_LAYERS:
        return True
    return _ENCRYPTED not in media_type and _ARCHIVE.fullmatch(media_type) is not None
