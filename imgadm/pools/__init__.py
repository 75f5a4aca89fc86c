"""The pools that hold images: zpools and directories, with one contract (:mod:`.base`)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imgadm.base.errors import InternalError

if TYPE_CHECKING:
    from imgadm.base.settings import Settings
    from imgadm.pools.base import Pool
    from imgadm.pools.zpool.host import ZfsHost

_DEFAULT_ZPOOL = "zones"
"""The zpool in which SmartOS keeps images and machines."""


def open_pool(settings: Settings, name: str | None = None) -> Pool:
    """Return the pool that ``-P NAME`` means: a directory if there is a slash in it, else a zpool.

    Without ``name`` it is the pool that IMGADM_POOL names, else the zpool ``zones``, or, on a host
    without a ``zfs`` program, the directory ``pool`` in the state directory. The pool need not
    exist. Raises InternalError for a zpool on a host without ZFS.
    """
    name = name or settings.default_pool
    if name is None and _zfs_program() is None:
        return _directory(settings, settings.root / "pool")
    name = name or _DEFAULT_ZPOOL
    if "/" in name:
        return _directory(settings, Path(name).absolute())
    host = _zfs_host(settings)
    if host is None:
        raise InternalError(
            f'cannot use zpool "{name}": there is no zfs program on this host; '
            "name a directory instead: -P /a/path, or IMGADM_POOL=/a/path"
        )
    from imgadm.pools.zpool.pool import ZfsPool

    return ZfsPool(host, name)


def host_pools(settings: Settings, *, recorded: bool = False) -> list[Pool]:
    """Return the pools whose images a list shows.

    These are the zpools that have an image. With ``recorded``, zpools that have only the record of
    an image come too, whether they exist or not. If the default pool is a directory, a list shows
    that directory alone.
    """
    default = settings.default_pool
    is_directory = default is not None and "/" in default
    host = None if is_directory else _zfs_host(settings)
    if host is not None:
        from imgadm.pools.zpool.pool import pools_of

        return pools_of(host, recorded=recorded)
    return [open_pool(settings)]


def _directory(settings: Settings, path: Path) -> Pool:
    from imgadm.pools.directory.pool import DirectoryPool

    return DirectoryPool(path, settings.cache_directory)


def _zfs_program() -> str | None:
    from imgadm.base.programs.programs import find_program

    return find_program("zfs")


def _zfs_host(settings: Settings) -> ZfsHost | None:
    zfs = _zfs_program()
    if zfs is None:
        return None
    from imgadm.base.logs import logger
    from imgadm.pools.zpool.host import ZfsHost
    from imgadm.state.database import Database

    def warn(text: str) -> None:
        logger().warning(text)

    database = Database(
        settings.records_directory, warn=warn, cache_directory=settings.cache_directory
    )
    return ZfsHost(zfs, database, settings.root / "mounts")
