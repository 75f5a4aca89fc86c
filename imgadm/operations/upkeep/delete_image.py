"""The deletion of an installed image that nothing is based on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import replace

from imgadm.base.errors import FileSystemError, ImgadmError
from imgadm.base.locks.command_locks import Locks
from imgadm.base.locks.holder import OnWait
from imgadm.base.patterns import check_uuid
from imgadm.operations.errors import ImageHasDependentClonesError, ImageNotInstalledError
from imgadm.pools.base import Pool


def delete_image(pool: Pool, uuid: str, locks: Locks, *, on_wait: OnWait | None = None) -> None:
    """Delete the image ``uuid`` on ``pool``, and its record, under its lock.

    A dataset with this name that is no image, such as that of a virtual machine, counts as not
    installed. ``on_wait`` is called if another process holds the lock. Raises InvalidUUIDError,
    ImageNotInstalledError, ImageHasDependentClonesError, FileSystemError if this user cannot see
    whether there are clones, LockedError if ``locks`` do not wait, and what ``pool`` raises.
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
    """Remove the remains of the images ``uuids`` that dead processes have left on ``pool``.

    The remains of an image that another process has locked stay, and so do those that cannot be
    removed. Never raises an ImgadmError.
    """
    impatient = replace(locks, wait=False)
    for uuid in uuids:
        with contextlib.suppress(ImgadmError), impatient.image(pool, uuid):
            pool.remove_leftovers(uuid)


def _check_installed(pool: Pool, uuid: str) -> None:
    if pool.get(uuid) is None:
        raise ImageNotInstalledError(uuid, pool.name)
