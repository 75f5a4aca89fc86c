"""What happens while an image is created, as data for whoever shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imgadm.base.locks.holder import Holder
from imgadm.streams import Report


@dataclass(frozen=True)
class CreateEvent:
    """Base of all events."""


@dataclass(frozen=True)
class LockAwaited(CreateEvent):
    """Another process creates an image of the machine; ``holder`` says which, if that is known."""

    machine: str
    holder: Holder | None


@dataclass(frozen=True)
class OriginAwaited(CreateEvent):
    """Another process changes the installed image that the new one is to be based on."""

    uuid: str
    holder: Holder | None


@dataclass(frozen=True)
class LeftoversFound(CreateEvent):
    """An earlier run ended without putting the machine back, which is done now."""

    machine: str
    command: str


@dataclass(frozen=True)
class Inheriting(CreateEvent):
    """The machine was made from an installed image, whose manifest is this."""

    origin: Mapping[str, Any]


@dataclass(frozen=True)
class ManifestMade(CreateEvent):
    """This will be the manifest, but for what is told of the file."""

    manifest: Mapping[str, Any]


@dataclass(frozen=True)
class Warned(CreateEvent):
    """Something that the operator should know."""

    message: str


@dataclass(frozen=True)
class MachineStopping(CreateEvent):
    """The machine runs, and is shut down before it is prepared."""

    machine: str


@dataclass(frozen=True)
class MachineSnapshotting(CreateEvent):
    """The machine gets a snapshot ``@name`` to go back to."""

    machine: str
    name: str


@dataclass(frozen=True)
class MachineStarting(CreateEvent):
    """The machine boots with the script."""

    machine: str


@dataclass(frozen=True)
class ScriptRunning(CreateEvent):
    """The script has said that it runs."""


@dataclass(frozen=True)
class ScriptSilent(CreateEvent):
    """The script has not said anything for as long as we wait."""


@dataclass(frozen=True)
class ScriptSucceeded(CreateEvent):
    """The script has said that all went well."""


@dataclass(frozen=True)
class ScriptStoppedMachine(CreateEvent):
    """The machine has shut itself down."""

    machine: str


@dataclass(frozen=True)
class SnapshotMoved(CreateEvent):
    """The machine has a snapshot ``@final`` of its own, called ``name`` for the time being."""

    name: str


@dataclass(frozen=True)
class Snapshotting(CreateEvent):
    """The snapshot that will be sent is made."""

    snapshot: str


@dataclass(frozen=True)
class SendingFile(CreateEvent):
    """The image file is about to be written."""

    path: str


@dataclass(frozen=True)
class Sending(CreateEvent):
    """Bytes are moving: sent several times a second with the live report of the pipeline."""

    report: Report


@dataclass(frozen=True)
class Sent(CreateEvent):
    """All bytes have come through."""

    report: Report


@dataclass(frozen=True)
class SavingManifest(CreateEvent):
    """The manifest is about to be written."""

    path: str


@dataclass(frozen=True)
class RollingBack(CreateEvent):
    """The machine goes back to what it was before it was prepared."""

    machine: str


@dataclass(frozen=True)
class MachineRestarting(CreateEvent):
    """The machine ran at first, and is started again."""

    machine: str
