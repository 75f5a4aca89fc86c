"""The things that can be locked: an image, a virtual machine, the configuration.

A lock of this host is a file in its lock directory. The file is never removed, because the original
tool would go on waiting for a file that no other process can find.

An image in a directory pool is also locked in the pool itself, for processes with other lock
directories: in a container, of another user, on another host of a network file system. The file of
such a lock belongs to the owner of the pool, can be opened by the users who may write to the pool,
and is removed by its last holder. Only its owner may open any other lock file, because a user who
can open a file for reading can hold a shared lock on it and keep all others waiting.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from imgadm.base.locks.file_lock import WaitNotice, file_lock, remove_unheld_lock
from imgadm.base.locks.holder import OnWait
from imgadm.base.locks.lock_files import LockFile
from imgadm.base.patterns import UUID

_IN_POOL = re.compile(rf"\.({UUID})\.lock")


@contextlib.contextmanager
def image_lock(
    directory: Path,
    uuid: str,
    *,
    command: str,
    wait: bool = True,
    shared: bool = False,
    on_wait: OnWait | None = None,
    pool: Path | None = None,
) -> Iterator[None]:
    """Hold the lock of the image ``uuid``, which every process that changes the image takes.

    ``directory`` is the lock directory of this host. ``pool`` is the directory of a pool that other
    hosts may use too: the lock in the pool is taken after the one in ``directory``. ``command``
    tells other processes what the holder does. ``on_wait`` is called if the lock is not free after
    a second; with ``wait=False`` a lock that is not free raises LockedError at once.

    A ``shared`` lock keeps the image as it is, and other processes can hold one at the same time. A
    process that may not write to ``pool`` reads from the pool without a shared lock there. Locks
    of several images are taken child first, base last.
    """
    what = f"image {uuid}"
    notice = WaitNotice(on_wait)
    with contextlib.ExitStack() as locks:
        host = LockFile(directory / f"img.{uuid}.import.lock", what)
        locks.enter_context(file_lock(host, command, wait, notice, shared=shared))
        if pool is not None and not (shared and not os.access(pool, os.W_OK | os.X_OK)):
            in_pool = LockFile(pool / f".{uuid}.lock", what, in_pool=True)
            locks.enter_context(file_lock(in_pool, command, wait, notice, shared=shared))
        yield


def locked_in_pool(name: str) -> str | None:
    """Return the UUID of the image whose lock in a pool is the file ``name``, None for others."""
    match = _IN_POOL.fullmatch(name)
    return match and match[1]


def remove_dead_locks(pool: Path) -> None:
    """Remove the lock files that killed processes have left in a pool. Never raises."""
    with contextlib.suppress(OSError), os.scandir(pool) as entries:
        names = [entry.name for entry in entries if _IN_POOL.fullmatch(entry.name)]
        for name in names:
            remove_unheld_lock(LockFile(pool / name, "", in_pool=True))


@contextlib.contextmanager
def machine_lock(
    directory: Path,
    uuid: str,
    *,
    command: str,
    wait: bool = True,
    on_wait: OnWait | None = None,
) -> Iterator[None]:
    """Hold the lock of a virtual machine, from which one image at a time is created.

    The parameters are those of :func:`image_lock`.
    """
    file = LockFile(directory / f"img.{uuid}.create.lock", f"vm {uuid}")
    with file_lock(file, command, wait, WaitNotice(on_wait)):
        yield


@contextlib.contextmanager
def state_lock(directory: Path, *, command: str, on_wait: OnWait | None = None) -> Iterator[None]:
    """Hold the lock of the configuration file while it is read and replaced.

    The parameters are those of :func:`image_lock`; this always waits.
    """
    file = LockFile(directory / "imgadm.state.lock", "the configuration")
    with file_lock(file, command, True, WaitNotice(on_wait)):
        yield
