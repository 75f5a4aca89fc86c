"""``imgadm create``: machines of every layout become images, and are themselves as they were."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.zfsvm import fetch_volume, volume_digests
from tests.zfsvm.session import Command

from .archives import members, packed
from .guest_host import GuestHost, Shelf, extra_pool, finished
from .vm_host import (
    DISK_IMAGE,
    PREPARE_DISK,
    PREPARE_ZONE,
    PREPARED_OFFSET,
    SECRET,
    ZONE_IMAGE,
    VmHost,
)

ZONE, MINIMAL, LX, KVM, BHYVE = (f"ffffffff-0000-4000-8000-00000000000{n}" for n in range(1, 6))
PRE = "@imgadm-create-pre-prepare"
MACHINES: list[dict[str, Any]] = [
    {"brand": "joyent", "uuid": ZONE, "customer_metadata": {"kept": "yes"}},
    {"brand": "joyent-minimal", "uuid": MINIMAL},
    {"brand": "lx", "uuid": LX},
    {"brand": "kvm", "uuid": KVM},
    {"brand": "bhyve", "uuid": BHYVE, "bootrom": "uefi"},
]
SENT = {
    ZONE: f"zones/{ZONE}",
    MINIMAL: f"zones/{MINIMAL}",
    LX: f"zones/{LX}",
    KVM: f"zones/{KVM}-disk0",
    BHYVE: f"zones/{BHYVE}/disk0",
}


def image_of(machine: str, *, number: int = 0) -> str:
    return f"{number}eeeeeee{machine[8:]}"


def create(machine: str, shelf: Shelf, *options: str, number: int = 0) -> tuple[str, ...]:
    image = image_of(machine, number=number)
    fields = (f"uuid={image}", f"name=n{machine[-1]}{number}", "version=1.0")
    return ("create", machine, "-o", str(shelf.path / image), *options, *fields)


def manifest_of(shelf: Shelf, image: str) -> dict[str, Any]:
    return json.loads((shelf.path / f"{image}.imgmanifest").read_bytes())


def import_all(host: GuestHost, pool: str, url: str, *images: str) -> None:
    for image in images:
        done = host.run("import", "-q", "-P", pool, "-S", url, image)
        assert (done.status, done.stderr) == (0, ""), done


def tree(host: GuestHost, directory: str) -> dict[str, tuple[object, ...]]:
    return members(packed(host.vm, directory))


@pytest.mark.timeout(900)
def test_stopped_machines_of_every_layout(machines: VmHost, shelf: Shelf, url: str) -> None:
    host = machines
    host.create_vms(*MACHINES)
    host.sh(f"for zone in {ZONE} {MINIMAL} {LX}; do echo $zone >/zones/$zone/root/etc/motd; done")
    host.write_disks(SENT[KVM], SENT[BHYVE])
    host.export_bases(shelf)
    before = host.picture()

    runs = host.run_together(
        create(ZONE, shelf),
        create(MINIMAL, shelf, "-i", "-c", "gzip"),
        create(LX, shelf, "-i", "-c", "xz"),
        create(KVM, shelf, "-c", "zstd"),
        create(BHYVE, shelf, "-i", "-c", "bzip2"),
        create(KVM, shelf, "-i", number=1),
        create(BHYVE, shelf, number=1),
    )
    assert [run.status for run in runs] == [0] * 7, runs
    assert host.picture() == before
    assert manifest_of(shelf, image_of(BHYVE))["origin"] == DISK_IMAGE
    assert manifest_of(shelf, image_of(BHYVE))["requirements"] == {
        "brand": "bhyve",
        "bootrom": "uefi",
    }
    assert "origin" not in manifest_of(shelf, image_of(BHYVE, number=1))

    other = GuestHost(host.vm)
    with extra_pool(host.vm, "tank2") as tank:
        zones = {machine: image_of(machine) for machine in (ZONE, MINIMAL, LX)}
        disks = [(m, image_of(m, number=number)) for m in (KVM, BHYVE) for number in (0, 1)]
        images = [*zones.values(), *(image for _, image in disks)]
        runs = other.run_together(*(("import", "-P", tank, "-S", url, image) for image in images))
        assert [(run.status, run.stderr) for run in runs] == [(0, "")] * len(images)
        for machine, image in zones.items():
            assert tree(host, f"/{tank}/{image}") == tree(host, f"/zones/{machine}")
        wanted = volume_digests(host.vm, *(SENT[machine] for machine, _ in disks))
        assert volume_digests(host.vm, *(f"{tank}/{image}" for _, image in disks)) == wanted
        assert len(set(wanted)) == 2
        origins = other.traces(tank).origins
        assert origins[f"{tank}/{image_of(LX)}"] == f"{tank}/{ZONE_IMAGE}@final"
        assert origins[f"{tank}/{image_of(BHYVE)}"] == f"{tank}/{DISK_IMAGE}@final"


@pytest.mark.timeout(900)
def test_machines_prepared_by_a_script(machines: VmHost, shelf: Shelf, url: str) -> None:
    host = machines
    host.create_vms(*(machine for machine in MACHINES if machine["uuid"] != MINIMAL))
    host.export_bases(shelf)
    # Nothing more fits under the quota, not even a snapshot of the disk.
    full = f"quota=$(zfs get -Hp -o value used zones/{BHYVE})"
    host.sh(f"vmadm start {ZONE} && zfs set {full} zones/{BHYVE}")
    assert "out of space" in host.vm.run(f"zfs snapshot {SENT[BHYVE]}@x").stderr
    before = host.picture()

    zone, disk = host.put_scripts(PREPARE_ZONE, PREPARE_DISK)
    runs = host.run_together(
        create(ZONE, shelf, "-s", zone),
        create(LX, shelf, "-s", zone, "-i"),
        create(KVM, shelf, "-s", disk, "-i"),
        create(BHYVE, shelf, "-s", disk, "-c", "gzip"),
    )
    assert [(run.status, run.stderr) for run in runs] == [(0, "")] * 4
    assert host.picture() == before
    manifest_end = runs[0].lines.index("    }")
    assert runs[0].lines[manifest_end + 1 :] == [
        f"Stopping VM {ZONE} to snapshot it",
        f'Snapshotting VM "{ZONE}" to @imgadm-create-pre-prepare',
        f"Preparing VM {ZONE} (starting it)",
        "Prepare script is running",
        "Prepare script succeeded",
        f"Prepare script stopped VM {ZONE}",
        f'Snapshotting to "zones/{ZONE}@final"',
        f'Sending image file to "{shelf.path}/{image_of(ZONE)}.zfs"',
        f'Saving manifest to "{shelf.path}/{image_of(ZONE)}.imgmanifest"',
        f"Rollback VM {ZONE} to pre-prepare snapshot (cleanup)",
        f"Restarting VM {ZONE} (cleanup)",
    ]
    for image in (image_of(ZONE), image_of(LX)):
        stream = (shelf.path / f"{image}.zfs").read_bytes()
        assert b"prepared" in stream
        assert SECRET.encode() not in stream
        assert b"prepare-image" not in stream

    other = GuestHost(host.vm)
    with extra_pool(host.vm, "tank2") as tank:
        import_all(other, tank, url, *map(image_of, (ZONE, LX, KVM, BHYVE)))
        for machine in (ZONE, LX):
            made = tree(host, f"/{tank}/{image_of(machine)}")
            was = tree(host, f"/zones/{machine}")
            changed = {name for name in made.keys() | was.keys() if made.get(name) != was.get(name)}
            contents = {name for name in changed if (made.get(name) or was[name])[0] != b"5"}
            assert {"./root/etc/motd", "./root/etc/prepared"} <= contents
            assert contents <= {"./root/etc/motd", "./root/etc/prepared", METADATA, *LINKS}
        wanted = prepared_disk(fetch_volume(host.vm, f"zones/{DISK_IMAGE}"))
        made_disks = [f"{tank}/{image_of(machine)}" for machine in (KVM, BHYVE)]
        assert volume_digests(host.vm, *made_disks) == [wanted, wanted]


METADATA = "./config/metadata.json"
LINKS = [f"./root/{name}" for name in ("bin", "sbin", "lib", "lib64")]
"""What the first boot makes."""


def prepared_disk(disk: Path) -> str:
    content = bytearray(disk.read_bytes())
    content[PREPARED_OFFSET : PREPARED_OFFSET + 8] = b"prepared"
    return hashlib.sha256(content).hexdigest()


FAILING = """#!/bin/sh
mdata-put prepare-image:state running
mdata-put prepare-image:error "no space
left here"
mdata-put prepare-image:state error
sleep 600
"""
SILENT = """#!/bin/sh
poweroff
"""
HANGING = """#!/bin/sh
mdata-put prepare-image:state running
printf lost | dd of=$DISK0 conv=notrunc,fsync status=none
sleep 600
"""


@pytest.mark.timeout(900)
def test_failures_leave_machines_as_they_were(machines: VmHost) -> None:
    host = machines
    host.create_vms(*(machine for machine in MACHINES if machine["uuid"] != MINIMAL))
    host.sh(f"vmadm start {KVM}")
    failing, silent, hanging, disk = host.put_scripts(FAILING, SILENT, HANGING, PREPARE_DISK)
    small = f"{host.root}/small"
    host.sh(f"mkdir {small} && mount -t tmpfs -o size=256k small {small}")
    before = host.picture()
    fields = ("name=made", "version=1.0")

    commands: dict[str, Command] = {
        ZONE: host.start("create", ZONE, "-o", "/root/z", "-s", failing, *fields),
        LX: host.start("create", LX, "-o", "/root/l", "-s", silent, *fields),
        KVM: host.start("create", KVM, "-o", "/root/k", "-s", hanging, *fields),
        BHYVE: host.start("create", BHYVE, "-o", f"{small}/b", "-s", disk, *fields),
    }
    host.sh(
        f"until grep -q 'script is running' {commands[KVM].stdout_path}; do sleep 0.5; done",
        timeout=200,
    )
    commands[KVM].signal("INT")
    ends = {machine: finished(command) for machine, command in commands.items()}
    assert ends[ZONE].error() == (
        "PrepareImageError",
        f"prepare-image script error while preparing VM {ZONE}:\n    ...no space\n    left here",
    )
    assert ends[LX].error()[0] == "PrepareImageDidNotRun"
    assert (ends[KVM].status, ends[KVM].error()[0]) == (130, "Interrupted")
    assert ends[BHYVE].error()[0] == "ENOSPC"
    assert host.picture() == before
    assert host.sh(f"ls /root/z* /root/l* /root/k* {small} 2>/dev/null; true") == f"{small}:\n"
    host.sh(f"umount {small}")

    running = host.run("create", KVM, "-o", "/root/k", *fields)
    assert running.error() == ("VmNotStopped", f'vm "{KVM}" is not stopped')
    assert host.traces().held_locks == host.traces().processes == []
