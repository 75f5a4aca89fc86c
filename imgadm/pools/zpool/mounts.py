"""Mounts of file systems with foreign content, which other users must not look into."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from imgadm.base.files.replacement import make_directory
from imgadm.base.logs import logger

if TYPE_CHECKING:
    from imgadm.pools.zpool.host import ZfsHost


def make_private_directory(directory: Path) -> None:
    """Make a directory that no other user can look into, to mount file systems below it.

    Raises OSError and FileSystemError.
    """
    make_directory(directory.parent)
    directory.mkdir(mode=0o700, exist_ok=True)
    directory.chmod(0o700)


def remove_private_directory(directory: Path) -> None:
    """Remove such a directory and the mountpoints in it that are empty; never raises."""
    with contextlib.suppress(OSError):
        for path in (*directory.iterdir(), directory):
            path.rmdir()


def close_to_others(host: ZfsHost, dataset: str, place: Path) -> bool:
    """Give the root directory of the file system ``dataset`` to this user alone.

    ``place`` is its mountpoint. Properties such as ``setuid=off`` hold for the file system but not
    for its snapshots, which the kernel mounts below ``.zfs`` for every user who looks there. The
    only way to them leads through this root directory. Clones get the root directory that the
    snapshot has.

    Returns whether the file system is closed to others. If it cannot be mounted or changed, the log
    says why. Raises OSError and InternalError.
    """
    place.mkdir(mode=0o700, exist_ok=True)
    mounted = host.run("mount", dataset)
    # If the pool has no mountpoint, setting one has mounted the file system.
    if mounted.status != 0 and "already mounted" not in mounted.stderr:
        logger().warning(f'could not mount "{dataset}": {mounted.stderr.strip()}')
        return False
    try:
        os.chown(place, os.geteuid(), os.getegid())
        place.chmod(0o700)
    except OSError as error:
        logger().warning(f'could not close "{dataset}" to others: {error.strerror}')
        return False
    finally:
        host.run("unmount", dataset).check("error importing")
    return True
