"""Media types of what registries keep, and what we take each of them for."""

from __future__ import annotations

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
        "application/octet-stream",  # of the first clients that wrote schema 2
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
}
"""The compression that a type of layer stands for; ``None``: its first bytes tell."""

FOREIGN_LAYERS: dict[str, str | None] = {
    _DOCKER + "image.rootfs.foreign.diff.tar": "none",
    _DOCKER + "image.rootfs.foreign.diff.tar.gzip": "gzip",
    _OCI + "image.layer.nondistributable.v1.tar": "none",
    _OCI + "image.layer.nondistributable.v1.tar+gzip": "gzip",
    _OCI + "image.layer.nondistributable.v1.tar+zstd": "zstd",
}
"""The same of layers that registries need not keep, and that have addresses of their own."""
