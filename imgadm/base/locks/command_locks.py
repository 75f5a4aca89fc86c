"""The terms on which one run of a command takes its locks."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from imgadm.base.locks.holder import OnWait
from imgadm.base.locks.locks import image_lock, machine_lock, state_lock


class LockingPool(Protocol):
    """A pool, as far as locks need it."""

    def lock_directory(self, *, shared: bool) -> Path | None:
        """Return the directory of the pool's own locks, None if the pool has none."""


@dataclass(frozen=True)
class Locks:
    """The lock directory of this host, and how one run of a command uses it.

    ``directory`` has the lock files of this host. ``command`` is the command line that other
    processes show while they wait for a lock of this run. Without ``wait``, a lock that another
    process holds raises LockedError at once.
    """

    directory: Path
    command: str
    wait: bool = True

    def image(
        self,
        pool: LockingPool,
        uuid: str,
        *,
        shared: bool = False,
        on_wait: OnWait | None = None,
    ) -> AbstractContextManager[None]:
        """Return the lock of the image ``uuid`` on ``pool``, to be held in a ``with`` statement.

        Other processes may hold a ``shared`` lock at the same time. ``on_wait`` is called once if
        the lock is not free. Entering raises LockedError and FileSystemError.
        """
        return image_lock(
            self.directory,
            uuid,
            command=self.command,
            wait=self.wait,
            shared=shared,
            on_wait=on_wait,
            pool=pool.lock_directory(shared=shared),
        )

    def machine(self, uuid: str, *, on_wait: OnWait | None = None) -> AbstractContextManager[None]:
        """Return the lock of the machine ``uuid``, to be held in a ``with`` statement.

        ``on_wait`` is called once if the lock is not free. Entering raises LockedError and
        FileSystemError.
        """
        return machine_lock(
            self.directory, uuid, command=self.command, wait=self.wait, on_wait=on_wait
        )

    def state(self, *, on_wait: OnWait | None = None) -> AbstractContextManager[None]:
        """Return the lock of the configuration file, to be held in a ``with`` statement.

        It is held for moments only, so every run waits for it, whatever ``wait`` says. ``on_wait``
        is called once if the lock is not free. Entering raises FileSystemError.
        """
        return state_lock(self.directory, command=self.command, on_wait=on_wait)
