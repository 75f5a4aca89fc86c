"""The free space that a sink must leave on its file system, however long the stream is."""

from __future__ import annotations

import errno
import os

from imgadm.streams.engine.arguments import check_count, check_path
from imgadm.streams.engine.stage import Context, Inlet, Outlet, Stage

_LOOK_STEP = 16 * 1024 * 1024
"""Bytes after which the stage looks again at the free space."""

_MOST_KEPT = 1024 * 1024 * 1024
_KEPT_SHARE = 64


def reserve_of(path: str | os.PathLike[str]) -> int:
    """Return how many bytes of the file system of ``path`` to keep free: a 64th, at most 1 GiB.

    A sink that keeps them free fails with ENOSPC before the services of the host do. Raises
    OSError.
    """
    check_path("path", path)
    status = os.statvfs(path)
    return min(_MOST_KEPT, status.f_blocks * status.f_frsize // _KEPT_SHARE)


class _KeepRoom(Stage):
    """The stage that :func:`keep_room` makes."""

    name = "keep room"

    def __init__(self, path: str | os.PathLike[str], reserve: int) -> None:
        self._path = path
        self._reserve = reserve

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        left = 0
        for buffer in inlet:
            if left <= 0:
                self._look()
                left = _LOOK_STEP
            left -= len(buffer)
            outlet.put(buffer)

    def _look(self) -> None:
        status = os.statvfs(self._path)
        if status.f_bavail * status.f_frsize < self._reserve:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def keep_room(path: str | os.PathLike[str], reserve: int) -> Stage:
    """Return a stage that passes bytes on while the file system of ``path`` has enough free space.

    Put it before a sink on that file system. The stage raises OSError, with ENOSPC when fewer than
    ``reserve`` bytes are free. Raises MisuseError for a ``reserve`` that is no number of bytes.
    """
    check_path("path", path)
    check_count("reserve", reserve)
    return _KeepRoom(path, reserve)
