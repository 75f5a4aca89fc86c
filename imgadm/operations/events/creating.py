"""The events of creating an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imgadm.operations.events.event import Event

if TYPE_CHECKING:
    from imgadm.base.locks.holder import Holder
    from imgadm.streams import Report


@dataclass(frozen=True)
class CreateEvent(Event):
    """The base of the events of a creation. Events of a publication may come between them."""


@dataclass(frozen=True)
class MachineAwaited(CreateEvent):
    """Another process creates an image of the machine, and this one waits for it.

    ``machine`` is a UUID, here and below. ``holder`` is the other process, None if it is not known.
    """

    machine: str
    holder: Holder | None


@dataclass(frozen=True)
class LeftoversFound(CreateEvent):
    """The run of ``command`` ended without restoring the machine. This run restores it first."""

    machine: str
    command: str


@dataclass(frozen=True)
class Inheriting(CreateEvent):
    """The disk was made from an installed image, which has the manifest ``origin``."""

    origin: Mapping[str, Any]


@dataclass(frozen=True)
class ManifestMade(CreateEvent):
    """The new image will have this ``manifest``, to which the facts about its file are added."""

    manifest: Mapping[str, Any]


@dataclass(frozen=True)
class Warned(CreateEvent):
    """The operator should know what ``message`` says."""

    message: str


@dataclass(frozen=True)
class MachineStopping(CreateEvent):
    """The machine runs, and the operation is about to shut it down."""

    machine: str


@dataclass(frozen=True)
class MachineSnapshotting(CreateEvent):
    """The operation is about to take the snapshot ``@name`` of the machine, to go back to it."""

    machine: str
    name: str


@dataclass(frozen=True)
class MachineStarting(CreateEvent):
    """The operation is about to boot the machine with the script."""

    machine: str


@dataclass(frozen=True)
class ScriptRunning(CreateEvent):
    """The script has reported that it runs."""


@dataclass(frozen=True)
class ScriptSilent(CreateEvent):
    """The script has not reported in time that it runs."""


@dataclass(frozen=True)
class ScriptSucceeded(CreateEvent):
    """The script has reported success."""


@dataclass(frozen=True)
class ScriptStoppedMachine(CreateEvent):
    """The machine has shut itself down."""

    machine: str


@dataclass(frozen=True)
class SnapshotMoved(CreateEvent):
    """The machine has a snapshot ``@final`` of its own; it is called ``name`` until the end."""

    name: str


@dataclass(frozen=True)
class Snapshotting(CreateEvent):
    """The operation is about to take the ``snapshot`` that it will send."""

    snapshot: str


@dataclass(frozen=True)
class SendingFile(CreateEvent):
    """The image file is about to be written to ``path``, a file or the URL of a server."""

    path: str


@dataclass(frozen=True)
class Sending(CreateEvent):
    """Bytes move.

    This event comes several times a second, each time with the live ``report`` of the pipeline.
    """

    report: Report


@dataclass(frozen=True)
class Sent(CreateEvent):
    """All bytes have reached the destination."""

    report: Report


@dataclass(frozen=True)
class SavingManifest(CreateEvent):
    """The manifest is about to be written to the file ``path``."""

    path: str


@dataclass(frozen=True)
class RollingBack(CreateEvent):
    """The machine is about to go back to what it was before it was prepared."""

    machine: str


@dataclass(frozen=True)
class MachineRestarting(CreateEvent):
    """The machine ran at first, and the operation is about to start it again."""

    machine: str
