"""Where images live: zpools and directories, behind one contract (:mod:`imgadm.pools.base`)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imgadm.base.errors import InternalError

if TYPE_CHECKING:
    from imgadm.base.settings import Settings
    from imgadm.pools.base import Pool
    from imgadm.pools.zpool.pool import ZfsHost

#: The zpool that SmartOS keeps images and machines in.
DEFAULT_ZPOOL = "zones"


def open_pool(settings: Settings, name: str | None = None) -> Pool:
    """The pool that ``-P NAME`` means: a zpool, or, if there is a slash in it, a directory.

    Without a name it is the one that IMGADM_POOL names, else the zpool ``zones``; on a host that
    has no ``zfs`` program it is a directory under the state directory. Does not look whether the
    pool is there. Raises InternalError for a zpool on a host without ZFS.
    """
    name = name or settings.default_pool
    if name is None and _zfs_program() is None:
        return _directory(settings, settings.root / "pool")
    name = name or DEFAULT_ZPOOL
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
    """The pools that images are listed from, as of now.

    That is every zpool with an image on it, or ``recorded`` to have one, whether it is there or
    not; where the default pool is a directory, just that.
    """
    default = settings.default_pool
    is_directory = default is not None and "/" in default
    host = None if is_directory else _zfs_host(settings)
    if host is not None:
        return host.pools(recorded=recorded)
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
    from imgadm.pools.zpool.pool import ZfsHost
    from imgadm.state.database import Database

    def warn(text: str) -> None:
        logger().warning(text)

    database = Database(
        settings.records_directory, warn=warn, cache_directory=settings.cache_directory
    )
    return ZfsHost(zfs, database, settings.root / "mounts")
