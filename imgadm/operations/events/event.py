"""The base of all events, and the events that several kinds of operations have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imgadm.base.locks.holder import Holder
    from imgadm.manifest import Manifest
    from imgadm.streams import Report


@dataclass(frozen=True)
class Event:
    """The base of all events."""


OnEvent = Callable[[Event], None]
"""The listener of an operation. Whatever it raises ends the operation."""


@dataclass(frozen=True)
class LockAwaited(Event):
    """Another process works on the image ``uuid``, and this one waits for it.

    ``holder`` is that process, None if it is not known.
    """

    uuid: str
    holder: Holder | None


@dataclass(frozen=True)
class SourceFailed(Event):
    """A source failed, and the next one is asked instead; ``message`` says which, and why."""

    message: str


@dataclass(frozen=True)
class Transferring(Event):
    """Bytes of the file of ``image`` move.

    This event comes several times a second, each time with the live ``report`` of the pipeline.
    """

    image: Manifest
    report: Report
