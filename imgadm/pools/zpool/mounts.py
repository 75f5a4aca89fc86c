"""Mounting what strangers have filled: nobody else may look into it, its snapshots included."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from imgadm.base.files.replacement import make_directory
from imgadm.base.logs import logger

if TYPE_CHECKING:
    from imgadm.pools.zpool.pool import ZfsHost


def make_private_directory(directory: Path) -> None:
    """Make a directory that nobody else can look into; file systems are mounted below it.

    Raises OSError and FileSystemError.
    """
    make_directory(directory.parent)
    directory.mkdir(mode=0o700, exist_ok=True)
    directory.chmod(0o700)


def remove_private_directory(directory: Path) -> None:
    """Remove it with the places in it, as far as nothing is mounted there; never raises."""
    with contextlib.suppress(OSError):
        for path in (*directory.iterdir(), directory):
            path.rmdir()


def close_to_others(host: ZfsHost, dataset: str, place: Path) -> bool:
    """Let nobody else enter the file system ``dataset``, whose mountpoint is ``place``.

    What holds for a file system (``setuid=off``) does not hold for its snapshots, which a kernel
    mounts below ``.zfs`` for whoever looks there. The way to them is through its own root. Clones
    have the root that the snapshot has.

    Returns False, and tells why in the log, if it cannot be mounted or changed. Raises OSError and
    InternalError.
    """
    place.mkdir(mode=0o700, exist_ok=True)
    mounted = host.run("mount", dataset)
    # Where the pool has no mountpoint, setting one mounts.
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
