"""The content of an image's directory besides its record: names, times, links, streams."""

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
from imgadm.pools.directory.record import recorded_guid
from imgadm.pools.images import InstalledImage

if TYPE_CHECKING:
    from imgadm import streams

DISK = "disk.raw"
"""The disk of a zvol image."""
STREAM = "stream.zfs"
"""The stream of an image that is neither a volume nor a layer."""
LAYER, ROOT, OWNERS = "layer", "root", "owners.jsonl"
"""The layer of a container image, its file tree, and the attributes that the tree lacks."""

_GUID = re.compile(r"[0-9]{1,20}")


def look_inside(image: InstalledImage, directory: Path, known: AbstractSet[str]) -> InstalledImage:
    """Return ``image`` with ``created`` and ``doubtful`` set, according to its ``directory``.

    Its time is that of the oldest of its files. The record may be younger, and a root has the time
    that its layer gives it. The image is doubtful if it has no record, or if there is a name that
    is not ``known``: such a file may belong to a machine, or to the operator.
    """
    unrecorded = image.manifest.keys() <= {"uuid"}
    try:
        times = {path.name: path.stat().st_mtime for path in directory.iterdir()}
    except OSError:
        return replace(image, doubtful=True)
    # A process that died while it wrote the record has left a file with a longer name.
    others = [name for name in times if name not in known and not name.startswith(".image.json.")]
    return replace(
        image,
        created=min((int(time) for name, time in times.items() if name != ROOT), default=None),
        doubtful=unrecorded or bool(others) or directory.is_symlink(),
    )


def open_content(directory: Path, name: str) -> int:
    """Open a regular file in the ``directory`` of an image for reading; raises OSError.

    No link is followed: in a pool to which other users may write, a symbolic or hard link could
    lead to a file that they cannot read.
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
    """Open the directory of an image, or that to which a trusted link leads; raises OSError.

    See :func:`is_trusted_link`.
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
    """Tell whether a link in ``pool`` may stand for an image.

    It may if root, this user or the owner of the pool made it. The link of another user could lead
    to files that only this one can read.
    """
    return link.st_uid in (0, os.geteuid(), pool.stat().st_uid)


def accepted_stream(manifest: Mapping[str, Any], origin: InstalledImage | None) -> streams.Stage:
    """Return the stage that passes on the stream of an image, if ``zfs receive`` would accept it.

    The image is not a zvol. Its stream must be full or based on the snapshot of ``origin``, and be
    that of a file system unless the image is of type ``other``. Of a package the stage passes on
    only the stream inside, because the pool sends it to others later.

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
