"""The list of the images that are installed on some pools."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from imgadm.operations.listing.filters import Filters, matching
from imgadm.operations.listing.rows import ListedImage, manifest_fields
from imgadm.pools.base import Pool
from imgadm.pools.images import InstalledImage


def list_images(
    pools: Iterable[Pool], filters: Filters, columns: Iterable[str] | None = None
) -> Sequence[ListedImage]:
    """Return the images on ``pools`` that match ``filters``, in the order of the pools.

    ``columns`` are the columns that the caller will read; the images may lack all others. None
    means all.
    """
    if columns is None:
        found = [image for pool in pools for image in pool.images()]
    else:
        fields = manifest_fields([*columns, *(name.partition(".")[0] for name in filters)])
        found = [image for pool in pools for image in pool.summaries(fields)]
    return matching([listed_image(image) for image in found], filters)


def listed_image(image: InstalledImage) -> ListedImage:
    """Return an installed image as listings show it."""
    return ListedImage(image.manifest, image.source, image.pool, image.clones, image.extra)


def installed_document(image: InstalledImage) -> dict[str, Any]:
    """Return an installed image as JSON output shows it."""
    return listed_image(image).document
