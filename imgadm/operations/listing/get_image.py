"""One installed image, and the snapshots and clones of it."""

from __future__ import annotations

from typing import Any

from imgadm.base.patterns import check_uuid
from imgadm.operations.errors import ImageNotInstalledError
from imgadm.operations.listing.list_images import installed_document
from imgadm.pools.base import Pool


def get_image(pool: Pool, uuid: str, *, with_children: bool = False) -> dict[str, Any]:
    """Return the image ``uuid`` on ``pool`` as JSON output shows it.

    ``with_children`` adds the names of its snapshots and clones. Raises InvalidUUIDError, and
    ImageNotInstalledError if it is not on ``pool``.
    """
    check_uuid(uuid)
    image = pool.get(uuid)
    if image is None:
        raise ImageNotInstalledError(uuid, pool.name)
    document = installed_document(image)
    if with_children:
        children = pool.children(uuid)
        document["children"] = {
            "snapshots": list(children.snapshots),
            "clones": list(children.clones),
        }
    return document
