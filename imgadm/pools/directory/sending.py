"""The disk and the stream of an image in a directory pool, opened for reading."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from imgadm import streams
from imgadm.base.errors import FileSystemError
from imgadm.base.files.opening import pinned_path
from imgadm.pools.directory.contents import DISK, LAYER, STREAM, open_content
from imgadm.pools.directory.record import recorded_volume
from imgadm.pools.images import InstalledImage
from imgadm.pools.sending import MadeStream, StoredStream, disk_stream


@contextmanager
def opened_disk(pool: Path, image: InstalledImage) -> Iterator[tuple[Path, streams.RawVolume]]:
    """Yield the disk of an image in ``pool`` as :meth:`imgadm.pools.base.Pool.disk` does."""
    directory = pool / image.uuid
    try:
        descriptor = open_content(directory, DISK)
    except OSError as error:
        if not isinstance(error, PermissionError):
            recorded_volume(image)  # raises the better error for an image that has no disk
        action = f'cannot read the disk of image "{image.uuid}" in "{pool}"'
        raise FileSystemError.from_os_error(action, error) from error
    try:
        yield Path(pinned_path(descriptor, directory / DISK)), recorded_volume(image)
    finally:
        os.close(descriptor)


def stored_stream(pool: Path, image: InstalledImage) -> StoredStream | None:
    """Open the stream, or the layer, that an image in ``pool`` keeps as a file, for reading.

    Returns ``None`` if it has none. Raises OSError.
    """
    directory = pool / image.uuid
    for name in (STREAM, LAYER):
        if is_readable_file(directory / name):
            return StoredStream(os.fdopen(open_content(directory, name), "rb"))
    return None


def stream_of_disk(pool: Path, image: InstalledImage, origin: InstalledImage | None) -> MadeStream:
    """Return the stream of an image in ``pool`` that keeps a disk, based on ``origin`` if given.

    Raises FileSystemError and InternalError.
    """
    for needed in filter(None, (image, origin)):
        with opened_disk(pool, needed):  # an error is raised now, not while the stream is read
            pass
    return MadeStream(_pieces(pool, image, origin), repeatable=True)


def _pieces(
    pool: Path, image: InstalledImage, origin: InstalledImage | None
) -> Generator[memoryview, None, None]:
    stream = image.extra.get("stream", {})
    with ExitStack() as disks:
        disk, volume = disks.enter_context(opened_disk(pool, image))
        yield from disk_stream(
            disk,
            volume,
            name=stream.get("name", f"image/{image.uuid}@final"),
            creation_time=stream.get("creation_time", 0),
            origin=None if origin is None else disks.enter_context(opened_disk(pool, origin)),
        )


def is_readable_file(path: Path) -> bool:
    """Tell whether ``path`` is a file in a directory that this user may look into."""
    try:
        return path.is_file()
    except PermissionError:
        return False
