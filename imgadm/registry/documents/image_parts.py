"""The parts of an image that its manifest and its configuration describe together."""

from __future__ import annotations

import json
from typing import Any

from imgadm.base.patterns import is_digest
from imgadm.base.text import excerpt
from imgadm.manifest.docker import run_config
from imgadm.registry.documents.descriptors import ManifestError
from imgadm.registry.documents.images import NO_FILES_LAYER, RemoteLayer
from imgadm.registry.documents.manifests import ImageManifest
from imgadm.registry.references.media_types import FOREIGN_LAYERS, LAYERS

MAX_RUN_CONFIG = 1 << 20
"""The most JSON, in bytes, that the record of each layer repeats.

No kernel starts a program with more arguments and environment than that.
"""


def layers_of(manifest: ImageManifest, config: dict[str, Any]) -> tuple[RemoteLayer, ...]:
    """Return the layers of an image, base first; NO_FILES_LAYER alone if it has none.

    Raises :class:`ManifestError` if ``manifest`` and ``config`` contradict each other.
    """
    diff_ids = _diff_ids(config, len(manifest.layers))
    layers = tuple(
        RemoteLayer(
            layer.digest,
            layer.size,
            (LAYERS | FOREIGN_LAYERS).get(layer.media_type),
            diff_id,
            layer.urls if layer.media_type in FOREIGN_LAYERS else (),
        )
        for layer, diff_id in zip(manifest.layers, diff_ids, strict=True)
    )
    return layers or (NO_FILES_LAYER,)


def check_run_config(config: dict[str, Any]) -> None:
    """Raise :class:`ManifestError` for a ``config`` too big for the records of layers."""
    size = len(json.dumps(run_config(config)))
    if size > MAX_RUN_CONFIG:
        raise ManifestError(
            f"its config has {size} bytes to start a container with, at most "
            f"{MAX_RUN_CONFIG} are taken"
        )


def _diff_ids(config: dict[str, Any], number: int) -> list[str | None]:
    rootfs = config.get("rootfs")
    if rootfs is None:
        return [None] * number
    diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    if diff_ids is None and isinstance(rootfs, dict) and not number:
        return []
    if not isinstance(diff_ids, list) or not all(map(is_digest, diff_ids)):
        raise ManifestError(f'its config has the rootfs {excerpt(rootfs)}, "diff_ids" was expected')
    if len(diff_ids) != number:
        raise ManifestError(f"its config is of {len(diff_ids)} layers, its manifest of {number}")
    return diff_ids
