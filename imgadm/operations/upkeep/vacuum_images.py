"""Removal of the installed images that nothing uses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from imgadm.base.errors import ImgadmError
from imgadm.base.locks.holder import Holder
from imgadm.base.locks.terms import Locks
from imgadm.operations.events import LockAwaited
from imgadm.operations.upkeep.delete_image import remove_leftovers
from imgadm.operations.upkeep.unused_images import full_name, is_based, unused_images
from imgadm.pools.base import InstalledImage, Pool


@dataclass(frozen=True)
class Candidate:
    """An image, or the record of one, that may be removed."""

    pool: Pool
    image: InstalledImage


@dataclass(frozen=True)
class Removed:
    """The image, or its record, is gone."""

    image: InstalledImage


@dataclass(frozen=True)
class Kept:
    """The image has come into use since it was found; ``reason`` says how."""

    image: InstalledImage
    reason: str


@dataclass(frozen=True)
class Failed:
    """The image could not be removed; the error is raised next."""

    image: InstalledImage
    error: ImgadmError


VacuumEvent = LockAwaited | Removed | Kept | Failed


def find_unused(
    pools: Iterable[Pool],
    *,
    excluded: frozenset[str] = frozenset(),
    age: int | None = None,
    now: Callable[[], float] = time.time,
) -> list[Candidate]:
    """Return what can be removed from ``pools``, in that order.

    Images whose UUIDs are ``excluded`` stay, and those that are not ``age`` seconds old; so does
    what they are based on.
    """
    latest = None if age is None else now() - age

    def is_kept(image: InstalledImage) -> bool:
        too_young = latest is not None and (image.created is None or image.created > latest)
        return too_young or image.uuid in excluded

    by_name = {pool.name: pool for pool in pools}
    images = [image for pool in by_name.values() for image in pool.images()]
    return [Candidate(by_name[image.pool], image) for image in unused_images(images, is_kept)]


def clean_pools(pools: Iterable[Pool], locks: Locks) -> None:
    """Remove what dead processes have left on the pools that is no image; never raises."""
    for pool in pools:
        remove_leftovers(pool, pool.leftovers(), locks)


def find_orphans(
    pools: Iterable[Pool], *, excluded: frozenset[str] = frozenset()
) -> list[Candidate]:
    """Return records of images that are on their pool no more."""
    return [
        Candidate(pool, image)
        for pool in pools
        for image in pool.orphans()
        if image.uuid not in excluded
    ]


def remove_images(
    candidates: Sequence[Candidate], locks: Locks, on_event: Callable[[VacuumEvent], None]
) -> None:
    """Remove the images, each under its lock, and after another look at whether it is in use.

    A machine may have been made meanwhile. Raises, after a :class:`Failed` event, what the first
    of them fails with that can't be removed.
    """
    kept: list[InstalledImage] = []

    def remove(candidate: Candidate) -> VacuumEvent | None:
        event = _remove_image(candidate, kept)
        if isinstance(event, Kept):
            kept.append(candidate.image)
        return event

    _under_locks(candidates, locks, on_event, remove)


def remove_records(
    candidates: Sequence[Candidate], locks: Locks, on_event: Callable[[VacuumEvent], None]
) -> None:
    """Remove the records, each under the lock of its image, if that is still not there.

    Raises as :func:`remove_images` does.
    """
    _under_locks(candidates, locks, on_event, _remove_record)


def _under_locks(
    candidates: Iterable[Candidate],
    locks: Locks,
    on_event: Callable[[VacuumEvent], None],
    remove: Callable[[Candidate], VacuumEvent | None],
) -> None:
    for candidate in candidates:
        image = candidate.image

        def waiting(holder: Holder | None, image: InstalledImage = image) -> None:
            on_event(LockAwaited(image.uuid, holder))

        try:
            with locks.image(candidate.pool, image.uuid, on_wait=waiting):
                event = remove(candidate)
        except ImgadmError as error:
            on_event(Failed(image, error))
            raise
        if event is not None:
            on_event(event)


def _remove_image(candidate: Candidate, kept: Iterable[InstalledImage]) -> VacuumEvent | None:
    """Remove the image unless it is used by now, or by an image that is ``kept``."""
    pool, image = candidate.pool, candidate.image
    current = pool.get(image.uuid)
    if current is None:
        return None
    users = [full_name(user) for user in kept if is_based(user, image)]
    children = pool.children(image.uuid)
    users += children.clones
    if users:
        return Kept(image, f"{users[0]} is based on it by now")
    if children.unknown:
        return Kept(image, f"{children.unknown[0]}, which you may not read, may be based on it")
    if current.doubtful:
        return Kept(image, "by now it does not look like an image and nothing else")
    pool.delete(image.uuid)
    return Removed(image)


def _remove_record(candidate: Candidate) -> VacuumEvent | None:
    pool, image = candidate.pool, candidate.image
    if all(orphan.uuid != image.uuid for orphan in pool.orphans()):
        return None
    pool.forget(image.uuid)
    return Removed(image)
