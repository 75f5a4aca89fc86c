"""The images that are installed on some pools."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from imgadm.operations.filters import Filters, matches
from imgadm.operations.rows import ListedImage, image_row

if TYPE_CHECKING:
    from imgadm.pools.base import InstalledImage, Pool


def list_images(pools: Iterable[Pool], filters: Filters) -> list[ListedImage]:
    """Return the images on ``pools`` that match, in the order of the pools."""
    listed = []
    for pool in pools:
        for image in pool.images():
            one = listed_image(image)
            if matches(one.row, filters):
                listed.append(one)
    return listed


def listed_image(image: InstalledImage) -> ListedImage:
    """Return an installed image as listings show it."""
    clones = None if image.clones is None else len(image.clones)
    row = image_row(image.manifest, source=image.source, pool=image.pool, clones=clones)
    return ListedImage(document=installed_document(image), row=row)


def installed_document(image: InstalledImage) -> dict[str, Any]:
    """Return an installed image as JSON output shows it."""
    document: dict[str, Any] = {"manifest": image.manifest, "zpool": image.pool}
    if image.source is not None:
        document["source"] = image.source
    document.update(image.extra)
    if image.clones is not None:
        document["cloneNames"] = list(image.clones)
        document["clones"] = len(image.clones)
    return document
