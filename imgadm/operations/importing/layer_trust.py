"""The proof that images of layers are what their UUIDs stand for.

The UUID of such an image is made of the digests of its layers. So anybody can compute it and give
it to another image. Only a digest that imgadm computed when the bytes arrived is a proof. The
record of the image has it (:class:`imgadm.pools.layers.LayerFacts`). A digest in a manifest proves
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from imgadm.base.errors import ImgadmError
from imgadm.base.patterns import is_digest
from imgadm.manifest import Manifest
from imgadm.manifest.docker import IDENTIFIER, layer_uuid
from imgadm.manifest.errors import InvalidManifestError
from imgadm.operations.errors import LayerNotVerifiedError
from imgadm.operations.listing.installed_ancestry import recorded_origin
from imgadm.pools.base import Pool
from imgadm.pools.images import InstalledImage
from imgadm.pools.layers import RECORDED_AS, LayerFacts


def check_layer_name(uuid: str, digests: Sequence[str]) -> None:
    """Raise InvalidManifestError unless ``uuid`` is made of ``digests``, base first."""
    right = layer_uuid(digests)
    if uuid != right:
        raise InvalidManifestError(
            f"image {uuid} of type docker is another image under that UUID: its layers make the "
            f"UUID {right}"
        )


def claimed_digest(manifest: Mapping[str, Any]) -> str | None:
    """Return the digest that a manifest claims for its layer, None if it claims none."""
    tags = manifest.get("tags")
    said = tags.get(IDENTIFIER) if isinstance(tags, dict) else None
    return said if is_digest(said) else None


def check_claims(images: Sequence[Manifest], below: Sequence[str]) -> None:
    """Raise InvalidManifestError if a UUID is not made of the digests that ``images`` claim.

    ``images`` come base first. ``below`` are the digests of the layers that they are based on. The
    check ends at a manifest that claims no digest: :func:`check_layer_name` follows when the bytes
    have arrived.
    """
    digests = list(below)
    for image in images:
        claimed = claimed_digest(image.raw)
        if claimed is None:
            return
        digests.append(claimed)
        check_layer_name(image.uuid, digests)


def installed_digests(pool: Pool, image: InstalledImage | None) -> list[str]:
    """Return the recorded digests of an installed image and of all below it, base first.

    The list is empty if ``image`` is None. Raises LayerNotVerifiedError unless the UUID of
    ``image`` is made of the digests.
    """
    digests: list[str] = []
    seen: set[str] = set()
    member = image
    while member is not None:
        if member.uuid in seen or (digest := recorded_digest(member)) is None:
            raise LayerNotVerifiedError(member.uuid, pool.name)
        seen.add(member.uuid)
        digests.insert(0, digest)
        origin = recorded_origin(member)
        member = None if origin is None else _present(pool, origin)
    if image is not None and layer_uuid(digests) != image.uuid:
        raise LayerNotVerifiedError(image.uuid, pool.name)
    return digests


def check_installed_layers(
    pool: Pool, images: Sequence[Manifest], digests: Sequence[str], *, registry: str
) -> None:
    """Raise LayerNotVerifiedError unless the pool has ``images``, base first, with ``digests``.

    Records of other versions of the tool do not have the digest of the bytes that came. Such a
    record counts if the image came from the same ``registry``, because those versions verified the
    layers of registries.
    """
    below = None
    for image, digest in zip(images, digests, strict=True):
        installed = _present(pool, image.uuid)
        known = recorded_digest(installed) or _digest_of_other_versions(installed, registry)
        if known != digest or recorded_origin(installed) != below:
            raise LayerNotVerifiedError(image.uuid, pool.name)
        below = image.uuid


def recorded_digest(image: InstalledImage) -> str | None:
    """Return the recorded digest of the layer of an installed image, None if there is none."""
    if RECORDED_AS not in image.extra or image.manifest.get("type") != "docker":
        return None
    try:
        return LayerFacts.of(image).digest
    except ImgadmError:
        return None


def _digest_of_other_versions(image: InstalledImage, registry: str) -> str | None:
    of_registry = image.source == registry and image.manifest.get("type") == "docker"
    if RECORDED_AS in image.extra or not of_registry:
        return None
    return claimed_digest(image.manifest)


def _present(pool: Pool, uuid: str) -> InstalledImage:
    installed = pool.get(uuid)
    if installed is None:
        raise LayerNotVerifiedError(uuid, pool.name)
    return installed
