"""Images that are asked for by name while the pool has them only as layers of others."""

from __future__ import annotations

from collections.abc import Callable

from imgadm.manifest import Manifest
from imgadm.operations.events import AlreadyInstalled, Event
from imgadm.operations.importing.checks import ImportOptions, lock_for
from imgadm.pools.base import InstalledImage, Pool


def complete_image(
    pool: Pool,
    image: InstalledImage,
    options: ImportOptions,
    on_event: Callable[[Event], None],
) -> None:
    """Give an installed image a root that is kept as a layer only; others are left alone.

    Takes the lock of the image if there is something to do. Raises an ImgadmError, and the image
    is what it was.
    """
    if pool.lacks_root(image):
        with lock_for(pool, image.uuid, options, on_event):
            if complete_locked_image(pool, image.uuid, on_event):
                return
    on_event(AlreadyInstalled(image))


def complete_locked_image(pool: Pool, uuid: str, on_event: Callable[[Event], None]) -> bool:
    """Give the image ``uuid``, whose lock the caller holds, the root that it lacks.

    Returns whether it lacked one. Raises an ImgadmError, and the image is what it was.
    """
    image = pool.get(uuid)
    if image is None or not pool.lacks_root(image):
        return False
    from imgadm.operations.importing.receive_layers import make_root

    pool.check()
    make_root(pool, image, Manifest.of(image.manifest), on_event)
    return True
