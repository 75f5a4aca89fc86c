"""Preparation of a machine: boot it with the operator's script, and wait for the script.

The script and this module talk through the machine's metadata: the script sets
``prepare-image:state`` to ``running``, then to ``success``, or to ``error`` with the reason in
``prepare-image:error``, and shuts the machine down.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from imgadm.base.errors import FileSystemError, ImgadmError, UsageError
from imgadm.machines import Machine, Vmadm
from imgadm.machines.errors import PrepareImageDidNotRunError, PrepareImageError
from imgadm.operations.events.creating import (
    MachineStarting,
    ScriptRunning,
    ScriptSilent,
    ScriptStoppedMachine,
    ScriptSucceeded,
)
from imgadm.operations.events.event import OnEvent

SCRIPT = "operator-script"
_STATE = "prepare-image:state"
_ERROR = "prepare-image:error"
_PROGRESS = "prepare-image:progress"
"""The metadata keys of a preparation: ``SCRIPT`` is internal metadata, the others customer's."""


MAX_SCRIPT = 1 << 20
"""The size that a script may have, in bytes; it becomes a value in the machine's metadata."""

LIMIT = 300.0
"""The seconds that the script may take to start, then to end, then to shut the machine down."""


@dataclass(frozen=True)
class Clock:
    """The clock of all waiting here, in seconds. Tests replace it."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class _TimeIsUpError(ImgadmError):
    """The condition does not hold in time, or can't hold any more."""

    code = "Timeout"


def read_script(path: str) -> str:
    """Return the script in the file ``path``; raise FileSystemError and UsageError."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_SCRIPT + 1)
    except OSError as error:
        raise FileSystemError.from_os_error(
            f'cannot read the prepare-image script "{path}"', error
        ) from error
    if len(content) > MAX_SCRIPT:
        raise UsageError(f'prepare-image script "{path}" is longer than {MAX_SCRIPT} bytes')
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise UsageError(f'prepare-image script "{path}" is not UTF-8 text') from error
    if not text.strip():
        raise UsageError(f'prepare-image script "{path}" is empty')
    return text


def traces(machine: Machine) -> tuple[str, ...]:
    """Return the keys of the machine's metadata that come from its preparation."""
    found = [key for key in (_STATE, _ERROR, _PROGRESS) if key in machine.customer_metadata]
    return (*found, *((SCRIPT,) if SCRIPT in machine.internal_metadata else ()))


def prepare_machine(
    machines: Vmadm,
    uuid: str,
    script: str,
    on_event: OnEvent,
    clock: Clock,
) -> None:
    """Boot the stopped machine with ``script``, and wait until the script has shut it down.

    Afterwards the machine's metadata has no trace of the script. An image of a zone, whose dataset
    contains the metadata, has none either. Raises PrepareImageDidNotRunError, PrepareImageError,
    and the errors of vmadm. After an error, the machine stays in the state that it has then.
    """
    machines.update(uuid, {"set_internal_metadata": {SCRIPT: script}})
    machines.update(uuid, {"remove_customer_metadata": [_STATE, _ERROR]})
    on_event(MachineStarting(uuid))
    machines.start(uuid)
    _wait_for_start(machines, uuid, on_event, clock)
    _wait_for_success(machines, uuid, clock)
    on_event(ScriptSucceeded())
    _wait_for_shutdown(machines, uuid, clock)
    on_event(ScriptStoppedMachine(uuid))
    machines.update(
        uuid,
        {
            "remove_internal_metadata": [SCRIPT],
            "remove_customer_metadata": [_STATE, _ERROR, _PROGRESS],
        },
    )


def _wait_for_start(machines: Vmadm, uuid: str, on_event: OnEvent, clock: Clock) -> None:
    try:
        _poll(machines, uuid, lambda machine: _STATE in machine.customer_metadata, 2.0, clock)
    except _TimeIsUpError as error:
        on_event(ScriptSilent())
        raise PrepareImageDidNotRunError(uuid) from error
    on_event(ScriptRunning())


def _wait_for_success(machines: Vmadm, uuid: str, clock: Clock) -> None:
    def is_done(machine: Machine) -> bool:
        return machine.customer_metadata.get(_STATE) in ("success", "error")

    try:
        machine = _poll(machines, uuid, is_done, 1.0, clock)
        if machine.customer_metadata[_STATE] == "success":
            return
        if not machine.customer_metadata.get(_ERROR) and not machine.is_stopped:
            # The script sets the reason by a second command, which may not have run yet.
            clock.sleep(1.0)
            machine = machines.get(uuid)
    except ImgadmError as error:
        raise PrepareImageError(
            uuid, "prepare-image script did not complete", cause=error
        ) from error
    raise PrepareImageError(uuid, str(machine.customer_metadata.get(_ERROR) or "").strip())


def _wait_for_shutdown(machines: Vmadm, uuid: str, clock: Clock) -> None:
    try:
        _poll(machines, uuid, lambda machine: machine.is_stopped, 1.0, clock)
    except ImgadmError as error:
        raise PrepareImageError(uuid, "VM did not shutdown", cause=error) from error


def _poll(
    machines: Vmadm,
    uuid: str,
    condition: Callable[[Machine], bool],
    interval: float,
    clock: Clock,
) -> Machine:
    """Return the machine as soon as ``condition`` holds; look every ``interval`` seconds.

    Raises _TimeIsUpError after :data:`LIMIT` seconds, and if the machine is stopped at two looks in
    a row: that is not a reboot, and no script runs in a stopped machine.
    """
    began, was_stopped = clock.now(), False
    while True:
        clock.sleep(interval)
        machine = machines.get(uuid)
        if condition(machine):
            return machine
        if machine.is_stopped and was_stopped:
            raise _TimeIsUpError(f"VM {uuid} has stopped")
        was_stopped = machine.is_stopped
        if clock.now() - began >= LIMIT:
            raise _TimeIsUpError(f"timeout ({LIMIT * 1000:.0f}ms) waiting for VM {uuid}")
