"""``create -s`` killed at every kind of moment: the next run puts the machine back.

Each round kills one run per machine, all at the same time, and then starts another for each. What
the host shows of machines and datasets is what it was, every time.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.stands.zfsvm.session import Command

from .guest_host import finished
from .vm_host import PREPARE_DISK, PREPARE_ZONE, TRAPS, VmHost

ZONE, LX, KVM, BHYVE = (f"ffffffff-0000-4000-8000-00000000000{number}" for number in range(1, 5))
RUNNING = (ZONE, KVM)
PRE = "@imgadm-create-pre-prepare"


@dataclass(frozen=True)
class Moment:
    """Before, during or after the ``count``th call that the pattern matches."""

    when: str
    call: str
    count: int = 1


ROUNDS: list[dict[str, Moment]] = [
    {
        ZONE: Moment("during", "vmadm stop *"),
        LX: Moment("before", "vmadm update *"),
        KVM: Moment("after", f"zfs snapshot *{PRE}", 1),
        BHYVE: Moment("after", "zfs set quota=none *"),
    },
    {
        ZONE: Moment("after", "vmadm stop *"),
        LX: Moment("during", "vmadm start *"),
        KVM: Moment("after", "vmadm update *", 2),
        BHYVE: Moment("after", f"zfs snapshot *{PRE}", 2),
    },
    {
        ZONE: Moment("after", "vmadm update *", 3),
        LX: Moment("after", "vmadm start *"),
        KVM: Moment("before", "zfs snapshot *@final"),
        BHYVE: Moment("after", "vmadm get *", 3),
    },
    {
        ZONE: Moment("after", "zfs snapshot *@final"),
        LX: Moment("before", "zfs destroy *@final"),
        KVM: Moment("after", "zfs rollback *", 1),
        BHYVE: Moment("during", "zfs send *"),
    },
    {
        ZONE: Moment("before", "vmadm start *", 2),
        LX: Moment("after", f"zfs destroy *{PRE}"),
        KVM: Moment("after", "zfs rollback *", 2),
        BHYVE: Moment("before", "zfs set quota=[0-9]*"),
    },
]


def start_create(host: VmHost, script: str, uuid: str, round_: int, moment: Moment) -> Command:
    variables = {
        "PATH": f"{TRAPS}:{host.environment['PATH']}",
        "TRAP_WHEN": moment.when,
        "TRAP_CALL": moment.call,
        "TRAP_COUNT": str(moment.count),
        "TRAP_LOG": f"{host.root}/calls-{round_}-{uuid}",
    }
    prefix = ["env", *(f"{name}={value}" for name, value in variables.items())]
    return host.start(*create(uuid, script, f"{host.root}/made/{round_}-{uuid}"), prefix=prefix)


def create(uuid: str, script: str, output: str) -> tuple[str, ...]:
    return ("create", uuid, "-s", script, "-o", output, "name=made", "version=1.0", "os=other")


@pytest.mark.timeout(900)
def test_next_run_puts_the_machine_back(machines: VmHost) -> None:
    host = machines
    host.create_vms(
        {"brand": "joyent", "uuid": ZONE, "customer_metadata": {"kept": "yes"}},
        {"brand": "lx", "uuid": LX},
        {"brand": "kvm", "uuid": KVM},
        {"brand": "bhyve", "uuid": BHYVE, "bootrom": "uefi"},
    )
    zone, disk = host.put_scripts(PREPARE_ZONE, PREPARE_DISK)
    scripts = {ZONE: zone, LX: zone, KVM: disk, BHYVE: disk}
    host.sh("\n".join([f"mkdir {host.root}/made", *(f"vmadm start {uuid}" for uuid in RUNNING)]))
    before = host.picture()

    for number, moments in enumerate(ROUNDS):
        killed = {
            uuid: start_create(host, scripts[uuid], uuid, number, moment)
            for uuid, moment in moments.items()
        }
        for uuid, command in killed.items():
            done = finished(command)
            assert done.status == 128 + 9, (moments[uuid], done)
        host.sh("while pgrep -f vmhost/traps/ >/dev/null; do sleep 0.2; done")
        if number < len(ROUNDS) - 1:
            put_back(host)
        else:
            make_images(host, scripts)
        assert host.picture() == before, moments

    images = host.sh(f"ls {host.root}/made").split()
    assert {name for name in images if name.endswith(".imgmanifest")} == {
        *(f"3-{uuid}.imgmanifest" for uuid in (LX, KVM)),
        *(f"4-{uuid}.imgmanifest" for uuid in ROUNDS[4]),
        *(f"whole-{uuid}.imgmanifest" for uuid in ROUNDS[4]),
    }
    assert len(images) == 2 * 10, "each has its file, and nothing else is there"
    assert host.traces().held_locks == host.traces().processes == []


def put_back(host: VmHost) -> None:
    """Runs that put their machine back first, and then find that they can't make an image."""
    repairs = host.run_together(*(("create", uuid, "name=made") for uuid in ROUNDS[0]))
    for uuid, repair in zip(ROUNDS[0], repairs, strict=True):
        code = "VmNotStopped" if uuid in RUNNING else "ManifestValidation"
        assert (repair.status, f"error ({code})" in repair.stderr) == (1, True), repair
        assert f"ended without restoring vm {uuid}: restoring it first" in repair.stderr


def make_images(host: VmHost, scripts: dict[str, str]) -> None:
    """Runs that put their machine back and prepare it again."""
    runs = host.run_together(
        *(
            create(uuid, script, f"{host.root}/made/whole-{uuid}")
            for uuid, script in scripts.items()
        )
    )
    assert [run.status for run in runs] == [0] * len(runs), runs
