"""What has to hold before an image may be received: a lock, a platform, space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from imgadm.base.errors import InternalError
from imgadm.base.locks.terms import Locks
from imgadm.base.programs.host_platform import host_platform
from imgadm.manifest import Manifest, check_platform
from imgadm.operations.events import Event, LockAwaited
from imgadm.pools.base import Pool


@dataclass(frozen=True)
class ImportOptions:
    """How to import.

    ``zstream`` takes the file of an image as an uncompressed stream, of a length and a checksum
    that nobody knows: what a host serves that makes it with ``zfs send``. An ``unverified`` file is
    one that neither the manifest nor the server has a checksum of. ``verify_origins`` refuses to
    build on an installed image unless the source proves that it is the right one.
    ``stall_timeout`` is for how many seconds a connection may bring nothing before it is resumed.
    """

    locks: Locks
    zstream: bool = False
    verify_origins: bool = False
    unverified: bool = False
    stall_timeout: float = 30.0


def lock_for(
    pool: Pool,
    uuid: str,
    options: ImportOptions,
    on_event: Callable[[Event], None],
    *,
    shared: bool = False,
) -> AbstractContextManager[None]:
    """The lock of an image, to be held while it is received into ``pool``.

    The ``shared`` lock of an installed image is to be held while another is received on top of it:
    it can't be deleted then.
    """
    return options.locks.image(
        pool, uuid, shared=shared, on_wait=lambda holder: on_event(LockAwaited(uuid, holder))
    )


def check_limits(images: Sequence[Manifest]) -> None:
    """Fail if an image is not for the platform that runs here. Raises PlatformError."""
    limited = [image for image in images if image.raw.get("requirements")]
    host = host_platform() if limited else None
    if host is not None:
        for image in limited:
            check_platform(image.raw["requirements"], host.release, host.live_image)


def size_of_files(images: Sequence[Manifest]) -> int:
    """Bytes of the files of ``images``, as far as they are known."""
    return sum(image.file.size or 0 for image in images if image.file is not None)


def check_space(pool: Pool, needed: int) -> None:
    """Fail if not even the compressed files, ``needed`` bytes, would fit. Raises InternalError."""
    available = pool.available()
    if available is not None and needed > available:
        raise InternalError(
            f'not enough space in pool "{pool.name}": {needed} bytes are needed at least, '
            f"{available} are available; free some, or name another pool with -P"
        )
