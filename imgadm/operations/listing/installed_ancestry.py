"""The ancestors of an installed image, as the records of this host name them."""

from __future__ import annotations

from imgadm.base.patterns import check_uuid, is_uuid
from imgadm.base.text import excerpt
from imgadm.manifest.errors import InvalidManifestError
from imgadm.operations.errors import ImageNotInstalledError
from imgadm.operations.listing.list_images import listed_image
from imgadm.operations.listing.rows import ListedImage
from imgadm.pools.base import Pool
from imgadm.pools.images import InstalledImage


def installed_ancestry(pool: Pool, uuid: str) -> list[ListedImage]:
    """Return the image ``uuid`` on ``pool`` and all of its ancestors, the base last.

    Raises InvalidUUIDError, ImageNotInstalledError for the first image that is not on ``pool``, and
    InvalidManifestError for a record with an invalid origin, and for a loop.
    """
    chain: list[ListedImage] = []
    seen: set[str] = set()
    origin: str | None = check_uuid(uuid)
    while origin is not None:
        if origin in seen:
            raise InvalidManifestError(
                f"the origins of image {uuid} form a loop: {origin} is its own ancestor"
            )
        seen.add(origin)
        image = pool.get(origin)
        if image is None:
            raise ImageNotInstalledError(origin, pool.name)
        chain.append(listed_image(image))
        origin = recorded_origin(image)
    return chain


def recorded_origin(image: InstalledImage) -> str | None:
    """Return the UUID of the origin of ``image``, None without one; raises InvalidManifestError."""
    origin = image.manifest.get("origin")
    if not origin:
        return None
    if not is_uuid(origin):
        raise InvalidManifestError(
            f'"origin" in the record of image {image.uuid} is not a UUID: {excerpt(origin)}'
        )
    return origin
