"""Removal of an installed image that nothing is based on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imgadm.errors import ImageHasDependentClonesError, ImageNotInstalledError
from imgadm.locks import OnWait, image_lock
from imgadm.manifest.uuids import check_uuid

if TYPE_CHECKING:
    from imgadm.pools.base import Pool


def delete_image(
    pool: Pool,
    uuid: str,
    *,
    lock_directory: Path,
    command: str,
    wait: bool = True,
    on_wait: OnWait | None = None,
) -> None:
    """Destroy the image and its record.

    What is on the pool under that name and is no image, the dataset of a virtual machine say,
    counts as not installed. Raises InvalidUUIDError, ImageNotInstalledError,
    ImageHasDependentClonesError, LockedError if the lock is taken and ``wait`` is False, and what
    the pool raises.
    """
    check_uuid(uuid)
    _check_installed(pool, uuid)
    with image_lock(
        lock_directory,
        uuid,
        command=command,
        wait=wait,
        on_wait=on_wait,
        pool=pool.lock_directory(shared=False),
    ):
        _check_installed(pool, uuid)
        clones = pool.children(uuid).clones
        if clones:
            raise ImageHasDependentClonesError(uuid, clones)
        pool.delete(uuid)


def _check_installed(pool: Pool, uuid: str) -> None:
    if pool.get(uuid) is None:
        raise ImageNotInstalledError(uuid, pool.name)
