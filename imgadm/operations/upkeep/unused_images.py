"""Which installed images nothing uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from imgadm.pools.base import InstalledImage


def unused_images(
    images: Sequence[InstalledImage], is_kept: Callable[[InstalledImage], bool]
) -> list[InstalledImage]:
    """Return those of ``images`` that may go, in an order in which they can.

    An image is used by the clones of it, and by images on its pool whose records name it as their
    origin; images that may go count no longer. So a chain that ends in nothing goes as a whole,
    what is based on an image before that image. Those that are kept, and doubtful ones, count as
    used.
    """
    users = _users(images)
    remaining = [image for image in images if not (image.doubtful or is_kept(image))]
    unused: list[InstalledImage] = []
    while free := [image for image in remaining if not users[full_name(image)]]:
        unused += free
        gone = {full_name(image) for image in free}
        remaining = [image for image in remaining if full_name(image) not in gone]
        for names in users.values():
            names -= gone
    return unused


def full_name(image: InstalledImage) -> str:
    """Return the image as clones are named."""
    return f"{image.pool}/{image.uuid}"


def is_based(image: InstalledImage, origin: InstalledImage) -> bool:
    """Tell whether the record of ``image`` says that it is based on ``origin``."""
    return image.pool == origin.pool and image.manifest.get("origin") == origin.uuid


def _users(images: Iterable[InstalledImage]) -> dict[str, set[str]]:
    """Names of all that uses an image, by its own."""
    users = {full_name(image): set(image.clones or ()) for image in images}
    for image in images:
        used = f"{image.pool}/{image.manifest.get('origin')}"
        if used in users:
            users[used].add(full_name(image))
    return users
