"""Removal of an installed image that nothing is based on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from imgadm.base.errors import FileSystemError, ImgadmError
from imgadm.base.locks.holder import OnWait
from imgadm.base.locks.terms import Locks
from imgadm.base.patterns import check_uuid
from imgadm.operations.errors import ImageHasDependentClonesError, ImageNotInstalledError

if TYPE_CHECKING:
    from imgadm.pools.base import Pool


def delete_image(pool: Pool, uuid: str, locks: Locks, *, on_wait: OnWait | None = None) -> None:
    """Destroy the image and its record.

    What is on the pool under that name and is no image, the dataset of a virtual machine say,
    counts as not installed. Raises InvalidUUIDError, ImageNotInstalledError,
    ImageHasDependentClonesError, FileSystemError where that can't be told, LockedError if the lock
    is taken and ``locks`` do not wait, and what the pool raises.
    """
    check_uuid(uuid)
    if pool.get(uuid) is None and uuid in pool.leftovers():
        remove_leftovers(pool, [uuid], locks)
    _check_installed(pool, uuid)
    with locks.image(pool, uuid, on_wait=on_wait):
        _check_installed(pool, uuid)
        children = pool.children(uuid)
        if children.clones:
            raise ImageHasDependentClonesError(uuid, children.clones)
        if children.unknown:
            raise FileSystemError(
                f'cannot tell whether "{children.unknown[0]}" is based on image "{uuid}": it '
                "belongs to another user, and you may not read it; let root delete the image",
                code="EACCES",
            )
        pool.delete(uuid)


def remove_leftovers(pool: Pool, uuids: Iterable[str], locks: Locks) -> None:
    """Remove what dead processes have left of images; what the living have locked stays.

    That this can't be done stops nothing.
    """
    impatient = replace(locks, wait=False)
    for uuid in uuids:
        with contextlib.suppress(ImgadmError), impatient.image(pool, uuid):
            pool.remove_leftovers(uuid)


def _check_installed(pool: Pool, uuid: str) -> None:
    if pool.get(uuid) is None:
        raise ImageNotInstalledError(uuid, pool.name)
