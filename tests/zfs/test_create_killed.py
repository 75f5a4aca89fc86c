"""``create -s`` killed at every kind of moment: the next run puts the machine back.

Each round kills one run per machine, all at the same time, then runs something else that names the
machine. What the host shows of machines and datasets is what it was, each time.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.zfsvm.session import Command

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
        LX: Moment("before", f"zfs snapshot *{PRE}"),
        KVM: Moment("after", "vmadm stop *"),
        BHYVE: Moment("after", "zfs set quota=none *"),
    },
    {
        ZONE: Moment("after", f"zfs snapshot *{PRE}"),
        LX: Moment("before", "vmadm update *"),
        KVM: Moment("after", f"zfs snapshot *{PRE}", 2),
        BHYVE: Moment("after", f"zfs snapshot *{PRE}", 1),
    },
    {
        ZONE: Moment("during", "vmadm start *"),
        LX: Moment("after", "vmadm start *"),
        KVM: Moment("after", "vmadm update *", 2),
        BHYVE: Moment("after", "vmadm get *", 3),
    },
    {
        ZONE: Moment("after", "vmadm update *", 3),
        LX: Moment("before", "zfs snapshot *@final"),
        KVM: Moment("after", "zfs snapshot *@final"),
        BHYVE: Moment("during", "zfs send *"),
    },
    {
        ZONE: Moment("before", "zfs destroy *@final"),
        LX: Moment("after", "zfs rollback *"),
        KVM: Moment("after", "zfs rollback *", 1),
        BHYVE: Moment("after", "zfs rollback *", 2),
    },
    {
        ZONE: Moment("before", "vmadm start *", 2),
        LX: Moment("after", f"zfs destroy *{PRE}"),
        KVM: Moment("after", f"zfs destroy *{PRE}", 1),
        BHYVE: Moment("before", "zfs set quota=[0-9]*"),
    },
]


def start_create(
    host: VmHost, scripts: list[str], uuid: str, moment: Moment | None = None
) -> Command:
    script = scripts[uuid in (KVM, BHYVE)]
    output = f"{host.root}/made-{uuid}"
    prefix = ["env"]
    if moment is not None:
        variables = {
            "PATH": f"{TRAPS}:{host.environment['PATH']}",
            "TRAP_WHEN": moment.when,
            "TRAP_CALL": moment.call,
            "TRAP_COUNT": str(moment.count),
            "TRAP_LOG": f"{host.root}/trap-{uuid}-{moment.when}-{moment.count}-{hash(moment)}",
        }
        prefix += [f"{name}={value}" for name, value in variables.items()]
    words = ("create", uuid, "-s", script, "-o", output, "name=made", "version=1.0", "os=other")
    return host.start(*words, prefix=prefix)


@pytest.mark.timeout(900)
def test_next_run_puts_the_machine_back(machines: VmHost) -> None:
    host = machines
    host.create_vms(
        {"brand": "joyent", "uuid": ZONE, "customer_metadata": {"kept": "yes"}},
        {"brand": "lx", "uuid": LX},
        {"brand": "kvm", "uuid": KVM},
        {"brand": "bhyve", "uuid": BHYVE, "bootrom": "uefi"},
    )
    scripts = host.put_scripts(PREPARE_ZONE, PREPARE_DISK)
    host.sh("\n".join(f"vmadm start {uuid} || exit" for uuid in RUNNING))
    before = host.picture()
    for moments in ROUNDS:
        killed = {
            uuid: start_create(host, scripts, uuid, moment) for uuid, moment in moments.items()
        }
        for uuid, command in killed.items():
            done = finished(command)
            assert done.status == 128 + 9, (moments[uuid], done)
        host.sh("while pgrep -f vmhost/traps/ >/dev/null; do sleep 0.2; done")
        # These put the machine back first, and then find that they can't make an image.
        repairs = host.run_together(*(("create", uuid, "name=made") for uuid in moments))
        for uuid, repair in zip(moments, repairs, strict=True):
            code = "VmNotStopped" if uuid in RUNNING else "ManifestValidation"
            assert (repair.status, f"error ({code})" in repair.stderr) == (1, True), repair
        assert host.picture() == before, moments
        assert host.traces().held_locks == host.traces().processes == []

    for command in [start_create(host, scripts, uuid) for uuid in ROUNDS[-1]]:
        done = finished(command)
        assert (done.status, done.stderr) == (0, "")
    assert host.picture() == before
