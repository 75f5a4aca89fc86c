"""The search for installed images without users."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from imgadm.pools.images import InstalledImage


def unused_images(
    images: Sequence[InstalledImage], is_kept: Callable[[InstalledImage], bool]
) -> list[InstalledImage]:
    """Return those of ``images`` that are unused, in an order in which they can be removed.

    The users of an image are its clones, and the images on its pool whose records name it as their
    origin. An unused image does not count as a user, so a chain of images without another user is
    returned as a whole, each image before its origin. Images for which ``is_kept`` returns True,
    and doubtful ones, count as used.
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
    """Return the name of ``image`` in lists of clones."""
    return f"{image.pool}/{image.uuid}"


def is_based(image: InstalledImage, origin: InstalledImage) -> bool:
    """Tell whether the record of ``image`` names ``origin`` as its origin."""
    return image.pool == origin.pool and image.manifest.get("origin") == origin.uuid


def _users(images: Iterable[InstalledImage]) -> dict[str, set[str]]:
    """Return the names of the users of each image, by its own name."""
    users = {full_name(image): set(image.clones or ()) for image in images}
    for image in images:
        used = f"{image.pool}/{image.manifest.get('origin')}"
        if used in users:
            users[used].add(full_name(image))
    return users
