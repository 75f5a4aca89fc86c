"""The process that holds a lock, as it writes itself into the lock's file."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from imgadm.base.redaction import redact_text
from imgadm.base.times import iso_seconds

_MAX_COMMAND = 200
_MAX_BYTES = 4096


@dataclass(frozen=True)
class Holder:
    """The process that holds a lock.

    ``command`` says what the process does, ``started`` since when (UTC, ISO 8601), and ``host`` on
    which host, which may be another one where hosts share a pool.
    """

    pid: int
    command: str
    started: str
    host: str

    def __str__(self) -> str:
        where = "" if self.host == os.uname().nodename else f" on {self.host}"
        return f'"{redact_text(self.command)}" (pid {self.pid}{where}, since {self.started})'

    @classmethod
    def this_process(cls, command: str) -> Holder:
        """Return the holder that this process is while it runs ``command``.

        Others will read it, so ``command`` loses the secrets of its URLs, and is cut if it is long.
        """
        started = iso_seconds(datetime.now(UTC))
        short = redact_text(command)[:_MAX_COMMAND]
        return cls(os.getpid(), short, started, os.uname().nodename)


OnWait = Callable[[Holder | None], None]
"""A function called once when a lock is still not free after the patience of its waiter.

Its argument is the holder, or None if the holder is unknown.
"""


def shown_holder(holder: Holder | None) -> str:
    """Return ``holder`` as messages name it; "another process" if it is unknown."""
    return "another process" if holder is None else str(holder)


def read_holder(descriptor: int) -> Holder | None:
    """Return the holder that is written in an open lock file, None if there is none."""
    try:
        fields = json.loads(os.pread(descriptor, _MAX_BYTES, 0))
        names = ("command", "started", "host")
        return Holder(int(fields["pid"]), *(str(fields[name]) for name in names))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_holder(descriptor: int, holder: Holder | None) -> None:
    """Replace the content of an open lock file by ``holder``; None empties the file.

    Never raises: the lock holds without its text, and a full file system must not fail a command.
    """
    content = b"" if holder is None else json.dumps(asdict(holder)).encode()
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, content, 0)
