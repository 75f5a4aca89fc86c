"""The removal of installed images without users, and of records without an image."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from imgadm.base.errors import ImgadmError
from imgadm.base.locks.command_locks import Locks
from imgadm.base.locks.holder import Holder
from imgadm.operations.events.event import Event, LockAwaited, OnEvent
from imgadm.operations.events.upkeep import ImageKept, ImageRemoved, RemovalFailed
from imgadm.operations.upkeep.delete_image import remove_leftovers
from imgadm.operations.upkeep.unused_images import full_name, is_based, unused_images
from imgadm.pools.base import Pool
from imgadm.pools.images import InstalledImage


@dataclass(frozen=True)
class Candidate:
    """An image, or the record of a lost image, that may be removed."""

    pool: Pool
    image: InstalledImage


def find_unused(
    pools: Iterable[Pool],
    *,
    excluded: frozenset[str] = frozenset(),
    age: int | None = None,
    now: Callable[[], float] = time.time,
) -> list[Candidate]:
    """Return the unused images on ``pools``, in an order in which they can be removed.

    Images whose UUIDs are ``excluded``, images younger than ``age`` seconds, and the origins of
    both are left out.
    """
    latest = None if age is None else now() - age

    def is_kept(image: InstalledImage) -> bool:
        too_young = latest is not None and (image.created is None or image.created > latest)
        return too_young or image.uuid in excluded

    by_name = {pool.name: pool for pool in pools}
    images = [image for pool in by_name.values() for image in pool.images()]
    return [Candidate(by_name[image.pool], image) for image in unused_images(images, is_kept)]


def clean_pools(pools: Iterable[Pool], locks: Locks) -> None:
    """Remove the remains of images that dead processes have left; never raises an ImgadmError."""
    for pool in pools:
        remove_leftovers(pool, pool.leftovers(), locks)


def find_orphans(
    pools: Iterable[Pool], *, excluded: frozenset[str] = frozenset()
) -> list[Candidate]:
    """Return the records of images that are no longer on their pool."""
    return [
        Candidate(pool, image)
        for pool in pools
        for image in pool.orphans()
        if image.uuid not in excluded
    ]


def remove_images(candidates: Sequence[Candidate], locks: Locks, on_event: OnEvent) -> None:
    """Remove the images, each under its lock, unless it has come into use.

    Each image is checked again first, because a machine may have been made from it since the
    search. The first failure sends a :class:`RemovalFailed` event, and its error is raised.
    """
    kept: list[InstalledImage] = []

    def remove(candidate: Candidate) -> Event | None:
        event = _remove_image(candidate, kept)
        if isinstance(event, ImageKept):
            kept.append(candidate.image)
        return event

    _under_locks(candidates, locks, on_event, remove)


def remove_records(candidates: Sequence[Candidate], locks: Locks, on_event: OnEvent) -> None:
    """Remove the records, each under the lock of its image, unless the image is there again.

    Raises as :func:`remove_images` does.
    """
    _under_locks(candidates, locks, on_event, _remove_record)


def _under_locks(
    candidates: Iterable[Candidate],
    locks: Locks,
    on_event: OnEvent,
    remove: Callable[[Candidate], Event | None],
) -> None:
    for candidate in candidates:
        image = candidate.image

        def waiting(holder: Holder | None, image: InstalledImage = image) -> None:
            on_event(LockAwaited(image.uuid, holder))

        try:
            with locks.image(candidate.pool, image.uuid, on_wait=waiting):
                event = remove(candidate)
        except ImgadmError as error:
            on_event(RemovalFailed(image, error))
            raise
        if event is not None:
            on_event(event)


def _remove_image(candidate: Candidate, kept: Iterable[InstalledImage]) -> Event | None:
    """Remove the image, unless it has users by now; ``kept`` are images that this run has kept."""
    pool, image = candidate.pool, candidate.image
    current = pool.get(image.uuid)
    if current is None:
        return None
    users = [full_name(user) for user in kept if is_based(user, image)]
    children = pool.children(image.uuid)
    users += children.clones
    if users:
        return ImageKept(image, f"{users[0]} is based on it by now")
    if children.unknown:
        return ImageKept(
            image, f"{children.unknown[0]}, which you may not read, may be based on it"
        )
    if current.doubtful:
        return ImageKept(image, "imgadm can no longer tell that it is only an image")
    pool.delete(image.uuid)
    return ImageRemoved(image)


def _remove_record(candidate: Candidate) -> Event | None:
    pool, image = candidate.pool, candidate.image
    if all(orphan.uuid != image.uuid for orphan in pool.orphans()):
        return None
    pool.forget(image.uuid)
    return ImageRemoved(image)
