"""What the directory of an image tells of it, beside the record."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgadm.base.errors import InternalError
from imgadm.base.files.opening import NO_DIRECTORY, open_regular
from imgadm.pools.base import InstalledImage
from imgadm.pools.directory.record import recorded_guid

if TYPE_CHECKING:
    from imgadm import streams

#: What the directory of an image has beside the record: of a zvol, of any other ZFS stream, and of
#: a container's layer.
DISK = "disk.raw"
STREAM = "stream.zfs"
LAYER, ROOT, OWNERS = "layer", "root", "owners.jsonl"

_GUID = re.compile(r"[0-9]{1,20}")


def look_inside(image: InstalledImage, directory: Path, known: AbstractSet[str]) -> InstalledImage:
    """Return ``image`` with when it came, and doubtful if that is not all that is there.

    It came when the oldest of its files did: the record may have been written again, and a root has
    the time that its layer gives it. Whatever has no name that is ``known`` may be a machine's, or
    the operator's.
    """
    unrecorded = image.manifest.keys() <= {"uuid"}
    try:
        times = {path.name: path.stat().st_mtime for path in directory.iterdir()}
    except OSError:
        return replace(image, doubtful=True)
    # A process that died while it wrote a file has left it under the name of that, and more.
    others = [name for name in times if name not in known and not name.startswith(".image.json.")]
    return replace(
        image,
        created=min((int(time) for name, time in times.items() if name != ROOT), default=None),
        doubtful=unrecorded or bool(others) or directory.is_symlink(),
    )


def open_content(directory: Path, name: str) -> int:
    """Open a file of an image to read it: a regular one, that this image has. Raises OSError.

    In a pool that others may write to, a link of either kind could lead to what they cannot read.
    """
    above = open_image(directory)
    try:
        descriptor = open_regular(name, dir_fd=above)
        status = os.fstat(descriptor)
        if status.st_nlink > 1 and status.st_uid != os.fstat(above).st_uid:
            os.close(descriptor)
            reason = "a hard link to a file of another user is no part of an image"
            raise PermissionError(errno.EPERM, reason, str(directory / name))
        return descriptor
    finally:
        os.close(above)


def open_image(directory: Path) -> int:
    """Open the directory of an image; raises OSError.

    It may be a link, to an image that is kept elsewhere, if :func:`is_trusted_link`.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    try:
        return os.open(directory, flags | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno not in NO_DIRECTORY or not directory.is_symlink():
            raise
    link = directory.lstat()
    if not is_trusted_link(link, directory.parent):
        reason = f"a link of user {link.st_uid} is no image"
        raise PermissionError(errno.EPERM, reason, str(directory))
    descriptor = os.open(directory, flags)
    now = directory.lstat()
    if (now.st_ino, now.st_ctime_ns) != (link.st_ino, link.st_ctime_ns):
        os.close(descriptor)
        raise PermissionError(errno.EPERM, "another process has replaced it", str(directory))
    return descriptor


def is_trusted_link(link: os.stat_result, pool: Path) -> bool:
    """Whether a link in a pool may stand for an image: root, this user or the owner of the pool
    made it. Another user of the pool could lead to what only this one can read."""
    return link.st_uid in (0, os.geteuid(), pool.stat().st_uid)


def accepted_stream(manifest: Mapping[str, Any], origin: InstalledImage | None) -> streams.Stage:
    """The stage that passes on the stream of an image that is no zvol, if ``zfs receive`` would.

    It must be full, or based on the snapshot of ``origin``, and that of a file system unless the
    image is of type ``other``. What is kept is sent to others, so a package is left out.

    Raises InternalError if nothing can be based on ``origin``.
    """
    from imgadm import streams

    from_guid = 0 if origin is None else _file_system_guid(origin)
    if manifest.get("type") == "other":
        return streams.plain_zfs_stream(from_guid=from_guid)
    return streams.plain_zfs_stream(kind="zfs", from_guid=from_guid)


def _file_system_guid(origin: InstalledImage) -> int:
    stream, guid = origin.extra.get("stream"), recorded_guid(origin)
    if isinstance(stream, dict) and stream.get("type") == "zfs" and _GUID.fullmatch(guid or ""):
        return int(guid or "") % 2**64
    raise InternalError(
        f'image "{origin.uuid}" in "{origin.pool}" is not recorded as the stream of a file system, '
        "so nothing can be based on it; if it should be one, delete it and import it again"
    )
