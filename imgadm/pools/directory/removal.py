"""The removal of images from a directory pool, and of what dead processes have left there."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from imgadm.base.errors import FileSystemError
from imgadm.base.files.open_limit import allow_deep_trees
from imgadm.base.files.replacement import sync_directory
from imgadm.base.locks.locks import locked_in_pool
from imgadm.base.signals import signals_held_back
from imgadm.pools.directory.partial import image_of_partial, partial_name, remove_partials
from imgadm.pools.directory.record import RECORD


def images_with_leftovers(pool: Path) -> Sequence[str]:
    """Return the UUIDs of the images of which this user may remove leftovers in ``pool``."""
    found = set()
    with suppress(OSError), os.scandir(pool) as entries:
        for entry in entries:
            uuid = image_of_partial(entry.name) or locked_in_pool(entry.name)
            owner = entry.stat(follow_symlinks=False).st_uid if uuid else None
            if uuid and (owner == os.geteuid() or os.geteuid() == 0):
                found.add(uuid)
    return sorted(found)


def remove_image_leftovers(pool: Path, uuid: str) -> None:
    """Remove what dead processes have left of an image; the caller holds its lock."""
    allow_deep_trees()
    remove_partials(pool, uuid)


def remove_image(pool: Path, uuid: str) -> None:
    """Delete an image and everything in its directory; the caller holds its lock.

    The image is gone at one rename. Raises FileSystemError.
    """
    remove_image_leftovers(pool, uuid)
    image, doomed = pool / uuid, pool / partial_name(uuid)
    try:
        if not os.access(image, os.R_OK | os.W_OK | os.X_OK):
            # The image belongs to another user: it could be renamed, and then not be removed.
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        with signals_held_back():
            try:
                image.rename(doomed)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                # A directory in a lower layer of an overlay cannot be renamed. Without its record,
                # what a crash leaves of it cannot be taken for the image.
                doomed = image
                (doomed / RECORD).unlink(missing_ok=True)
            sync_directory(pool)
            if doomed.is_symlink():
                doomed.unlink()
            else:
                shutil.rmtree(doomed)
    except OSError as error:
        raise FileSystemError.from_os_error(f'error deleting image "{uuid}"', error) from error
