"""The events of ``imgadm create`` as lines that scripts know, and as a progress bar."""

from __future__ import annotations

import json
import os
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from imgadm.base.text import excerpt, printable
from imgadm.cli.context import RunContext
from imgadm.cli.output.transfer_view import choose_view, summary_line
from imgadm.operations.events.creating import (
    CreateEvent,
    Inheriting,
    LeftoversFound,
    MachineAwaited,
    MachineRestarting,
    MachineSnapshotting,
    MachineStarting,
    MachineStopping,
    ManifestMade,
    RollingBack,
    SavingManifest,
    ScriptRunning,
    ScriptSilent,
    ScriptStoppedMachine,
    ScriptSucceeded,
    Sending,
    SendingFile,
    Sent,
    SnapshotMoved,
    Snapshotting,
    Warned,
)
from imgadm.operations.events.event import Event

if TYPE_CHECKING:
    from imgadm.cli.output.transfer_bar import TransferBar
    from imgadm.streams import Report


class CreateView:
    """A view of the events of a create, and of the publication that may be part of it.

    Calling it shows an event. A terminal gets a progress bar, unless the view is ``quiet``.
    """

    def __init__(self, context: RunContext, *, quiet: bool) -> None:
        self._context = context
        self._bars = not quiet and sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._summary = not quiet and sys.stderr.isatty()
        self._bar: TransferBar | None = None
        self._publication = choose_view("create", quiet=quiet, as_json=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def __call__(self, event: Event) -> None:
        if not isinstance(event, CreateEvent):
            self._publication(event)
            return
        if isinstance(event, Sending):
            self._progress(event.report)
            return
        self._close()
        match event:
            case Warned(message):
                self._context.warn(message)
            case LeftoversFound(machine, command):
                self._context.warn(
                    f'"{command}" ended without restoring vm {machine}: restoring it first'
                )
            case Sent(report):
                for note in report.notes:
                    self._context.warn(note)
                if self._summary:
                    print(summary_line(report), file=sys.stderr, flush=True)
            case _:
                for line in _lines(event):
                    print(printable(line), flush=True)

    def _progress(self, report: Report) -> None:
        if not self._bars:
            return
        if self._bar is None:
            from imgadm.cli.output.transfer_bar import TransferBar

            self._bar = TransferBar(report.stages[0].name, report.total)
        self._bar.update(report.bytes_in - self._bar.n)

    def _close(self) -> None:
        self._publication.__exit__(None, None, None)
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _lines(event: CreateEvent) -> list[str]:
    match event:
        case MachineAwaited(machine, holder):
            held = [] if holder is None else [f"    held by {holder}"]
            return [f"Waiting for VM {machine} create lock", *held]
        case Inheriting(origin):
            name, version = (_shown(origin.get(field)) for field in ("name", "version"))
            return [f"Inheriting from origin image {origin['uuid']} ({name} {version})"]
        case ManifestMade(manifest):
            text = json.dumps(manifest, indent=2, ensure_ascii=False)
            return ["Manifest:", *(f"    {line}" for line in text.split("\n"))]
        case MachineStopping(machine):
            return [f"Stopping VM {machine} to snapshot it"]
        case MachineSnapshotting(machine, name):
            return [f'Snapshotting VM "{machine}" to @{name}']
        case MachineStarting(machine):
            return [f"Preparing VM {machine} (starting it)"]
        case ScriptRunning():
            return ["Prepare script is running"]
        case ScriptSilent():
            return ["Timeout waiting for prepare-image script to signal it started"]
        case ScriptSucceeded():
            return ["Prepare script succeeded"]
        case ScriptStoppedMachine(machine):
            return [f"Prepare script stopped VM {machine}"]
        case SnapshotMoved(name):
            return [f'Moving existing @final snapshot out of the way to "{name}"']
        case Snapshotting(snapshot):
            return [f'Snapshotting to "{snapshot}"']
        case SendingFile(path):
            return [f'Sending image file to "{path}"']
        case SavingManifest(path):
            return [f'Saving manifest to "{path}"']
        case RollingBack(machine):
            return [f"Rollback VM {machine} to pre-prepare snapshot (cleanup)"]
        case MachineRestarting(machine):
            return [f"Restarting VM {machine} (cleanup)"]
    return []


def _shown(value: Any) -> str:
    return "undefined" if value is None else excerpt(value)
