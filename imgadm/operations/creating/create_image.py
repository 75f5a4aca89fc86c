"""Creation of an image from a virtual machine, which is restored afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from imgadm import streams
from imgadm.base.errors import InternalError
from imgadm.base.locks.command_locks import Locks
from imgadm.base.programs.programs import CHANGE_SECONDS, is_running, log_program
from imgadm.machines import Datasets, Machine, Vmadm
from imgadm.operations.creating.machine_journal import Files, Journal, JournalFile
from imgadm.operations.creating.plan_image import PlannedImage, WantedImage, plan_image
from imgadm.operations.creating.prepare_machine import Clock, prepare_machine, traces
from imgadm.operations.creating.restore_machine import Restoration
from imgadm.operations.creating.save_image import Delivery, Destination
from imgadm.operations.events import creating as events
from imgadm.operations.events.event import OnEvent
from imgadm.pools.base import Pool

PRE_PREPARE = "imgadm-create-pre-prepare"
"""The name of the snapshots that a prepared machine goes back to, as in the original tool."""


@dataclass(frozen=True)
class Host:
    """The machines of this host, their datasets, and the pools that they were made from."""

    machines: Vmadm
    datasets: Datasets
    open_pool: Callable[[str], Pool]
    clock: Clock = field(default_factory=Clock)


@dataclass(frozen=True)
class CreateOptions:
    """The wanted image, and how this run behaves.

    ``journals`` is the directory of the journals, which say what has to be put back.
    """

    locks: Locks
    journals: Path
    wanted: WantedImage


def create_image(
    host: Host, uuid: str, options: CreateOptions, destination: Destination, on_event: OnEvent
) -> None:
    """Make an image of the machine ``uuid`` and hand it to ``destination``.

    Raises an ImgadmError for any failure. However this ends, the machine is restored. If that
    fails, the error says so, and the next run tries again.
    """
    host.machines.get(uuid)
    with options.locks.machine(
        uuid, on_wait=lambda holder: on_event(events.MachineAwaited(uuid, holder))
    ):
        file = JournalFile.of(options.journals, uuid)
        restoration = Restoration(host.machines, host.datasets, file, on_event)
        if file.journal is not None:
            on_event(events.LeftoversFound(uuid, file.journal.command))
            _await_program(file.journal.program, host.clock)
            restoration.run()
        host.machines.on_start = host.datasets.on_start = file.note_program
        machine = host.machines.get(uuid)
        image = plan_image(host.open_pool, host.datasets, machine, options.wanted, on_event)
        with destination.ready(image.manifest) as delivery, restoration.afterwards():
            file.begin(_journal(machine, options, delivery))
            _make(host, machine, options, image, delivery, file, on_event)


def _journal(machine: Machine, options: CreateOptions, delivery: Delivery) -> Journal:
    files = None
    if delivery.files is not None:
        output = delivery.files.output.absolute()
        files = Files(output.manifest_path, output.file_path, delivery.files.new)
    return Journal(
        machine=machine.uuid,
        command=options.locks.command,
        state=machine.state,
        dataset=machine.dataset,
        autoboot=machine.autoboot,
        metadata=traces(machine),
        files=files,
    )


def _make(
    host: Host,
    machine: Machine,
    options: CreateOptions,
    image: PlannedImage,
    delivery: Delivery,
    file: JournalFile,
    on_event: OnEvent,
) -> None:
    if not machine.is_stopped:
        on_event(events.MachineStopping(machine.uuid))
        host.machines.stop(machine.uuid)
    if machine.brand == "bhyve":
        # Each disk counts against the quota with its full size, and once more for each snapshot.
        file.note(quota=host.datasets.value(machine.dataset, "quota"))
        host.datasets.set(machine.dataset, "quota", "none")
    if options.wanted.script is not None:
        on_event(events.MachineSnapshotting(machine.uuid, PRE_PREPARE))
        _snapshot_machine(host.datasets, machine, file)
        prepare_machine(host.machines, machine.uuid, options.wanted.script, on_event, host.clock)
    final = f"{image.dataset}@final"
    if host.datasets.exists(final):
        moved = f"{final}-{time.time_ns() // 1_000_000}"
        on_event(events.SnapshotMoved(moved))
        file.note(moved=moved)
        host.datasets.rename(final, moved)
    on_event(events.Snapshotting(final))
    file.note(final=final)
    host.datasets.snapshot(final)
    delivery.take(
        streams.zfs_send(final, origin=image.base, zfs=host.datasets.zfs, on_end=log_program),
        name=final,
        guid=host.datasets.value(final, "guid"),
    )


def _await_program(pid: int | None, clock: Clock) -> None:
    """Wait for the program of a dead run to end, because it may still change the machine."""
    deadline = clock.now() + CHANGE_SECONDS
    while pid is not None and is_running(pid) and clock.now() < deadline:
        clock.sleep(0.2)


def _snapshot_machine(datasets: Datasets, machine: Machine, file: JournalFile) -> None:
    snapshots = tuple(f"{dataset}@{PRE_PREPARE}" for dataset in machine.datasets)
    for snapshot in filter(datasets.exists, snapshots):
        raise InternalError(
            f'vm "{machine.uuid}" has a snapshot "{snapshot}", which this imgadm did not leave: '
            f'go back to it with "zfs rollback -r {snapshot}" if the machine is still prepared, '
            "then destroy it"
        )
    file.note(snapshots=snapshots)
    for snapshot in snapshots:
        datasets.snapshot(snapshot)
