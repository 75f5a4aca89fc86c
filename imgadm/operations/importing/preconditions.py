"""The conditions for receiving an image: the right platform, and enough space."""

from __future__ import annotations

from collections.abc import Sequence

from imgadm.base.errors import InternalError
from imgadm.base.programs.host_platform import host_platform
from imgadm.manifest import Manifest, check_platform
from imgadm.pools.base import Pool


def check_limits(images: Sequence[Manifest]) -> None:
    """Raise PlatformError if one of ``images`` is not for the platform of this host."""
    limited = [image for image in images if image.raw.get("requirements")]
    host = host_platform() if limited else None
    if host is not None:
        for image in limited:
            check_platform(image.raw["requirements"], host.release, host.live_image)


def size_of_files(images: Sequence[Manifest]) -> int:
    """Return the size of the files of ``images`` in bytes, as far as their manifests tell it."""
    return sum(image.file.size or 0 for image in images if image.file is not None)


def check_space(pool: Pool, needed: int) -> None:
    """Raise InternalError if ``pool`` has less space than ``needed``, the bytes of all files.

    The files are usually compressed, so the images may need more space than that.
    """
    available = pool.available()
    if available is not None and needed > available:
        raise InternalError(
            f'not enough space in pool "{pool.name}": {needed} bytes are needed at least, '
            f"{available} are available; free some, or name another pool with -P"
        )
