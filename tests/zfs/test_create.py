"""``imgadm create``: machines of every layout become images, and are themselves as they were."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.stands.zfsvm import fetch_volume, volume_digests, volume_sha256
from tests.stands.zfsvm.session import Command

from .archives import members, packed, packed_machine
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


def image_of(machine: str) -> str:
    return f"eeeeeeee{machine[8:]}"


def create(machine: str, *options: str) -> tuple[str, ...]:
    return ("create", machine, *options, f"uuid={image_of(machine)}", "name=made", "version=1.0")


def output(shelf: Shelf, machine: str) -> str:
    return str(shelf.path / image_of(machine))


def import_all(host: GuestHost, pool: str, url: str, machines: Sequence[str]) -> dict[str, Any]:
    """Import the images of machines; returns the manifests that arrived, by machine."""
    images = [image_of(machine) for machine in machines]
    runs = host.run_together(*(("import", "-P", pool, "-S", url, image) for image in images))
    assert [(run.status, run.stderr) for run in runs] == [(0, "")] * len(runs), runs
    records = host.records()
    return {m: records[f"{pool}-{image_of(m)}.json"]["manifest"] for m in machines}


def tree(host: GuestHost, directory: str) -> dict[str, tuple[object, ...]]:
    return members(packed(host.vm, directory))


@pytest.mark.timeout(900)
def test_stopped_machines_by_way_of_a_server(machines: VmHost, shelf: Shelf) -> None:
    host = machines
    host.create_vms(*MACHINES)
    host.sh(f"for zone in {ZONE} {MINIMAL} {LX}; do echo $zone >/zones/$zone/root/etc/motd; done")
    host.write_disks(SENT[KVM], SENT[BHYVE])
    bases = host.export_bases(shelf)
    before = host.picture()
    host.sh(f"mkdir {host.root}/served")
    other = GuestHost(host.vm)
    with (
        host.serving("--writable", f"{host.root}/served") as url,
        extra_pool(host.vm, "tank2") as tank,
    ):
        published = host.run_together(*(("publish", *base, url) for base in bases))
        assert [(run.status, run.stderr) for run in published] == [(0, "")] * 2
        runs = host.run_together(
            create(ZONE, "-o", output(shelf, ZONE), "-c", "zstd"),
            create(MINIMAL, "-p", url, "-i", "-c", "gzip"),
            create(LX, "-p", url, "-i", "-c", "xz"),
            create(KVM, "-p", url),
            create(BHYVE, "-p", url, "-i", "-c", "bzip2"),
        )
        assert [run.status for run in runs] == [0] * 5, runs
        assert host.picture() == before
        pair = [f"{output(shelf, ZONE)}{suffix}" for suffix in (".imgmanifest", ".zfs.zst")]
        last = host.run("publish", "-m", pair[0], "-f", pair[1], url)
        assert last.lines[-1] == f"Successfully published image {image_of(ZONE)} to {url}"
        assert {path.name for path in shelf.path.iterdir()} == {
            path.rpartition("/")[2] for path in (*pair, *bases[0][1::2], *bases[1][1::2])
        }

        manifests = import_all(other, tank, url, list(SENT))
        for machine in (ZONE, MINIMAL, LX):
            made = members(packed_machine(host.vm, f"{tank}/{image_of(machine)}"))
            assert made == tree(host, f"/zones/{machine}")
        disks = volume_digests(host.vm, SENT[KVM], SENT[BHYVE])
        made = [f"{tank}/{image_of(machine)}" for machine in (KVM, BHYVE)]
        assert volume_digests(host.vm, *made) == disks
        assert disks[0] != disks[1]
        origins = other.traces(tank).origins
    assert {machine: origins[f"tank2/{image_of(machine)}"] for machine in SENT} == {
        ZONE: "-",
        MINIMAL: f"tank2/{ZONE_IMAGE}@final",
        LX: f"tank2/{ZONE_IMAGE}@final",
        KVM: "-",
        BHYVE: f"tank2/{DISK_IMAGE}@final",
    }
    assert manifests[LX]["requirements"] == {"brand": "lx"}
    assert manifests[BHYVE]["requirements"] == {"brand": "bhyve", "bootrom": "uefi"}
    assert manifests[KVM]["cpu_type"] == "host", "inherited"


@pytest.mark.timeout(900)
def test_machines_prepared_by_a_script(machines: VmHost, shelf: Shelf, url: str) -> None:
    host = machines
    host.create_vms(*(machine for machine in MACHINES if machine["uuid"] != MINIMAL))
    host.export_bases(shelf)
    host.fill_quota(f"zones/{BHYVE}", SENT[BHYVE])
    assert "out of space" in host.vm.run(f"zfs snapshot {SENT[BHYVE]}@x").stderr
    host.sh(f"vmadm start {ZONE}")
    before = host.picture()

    zone, disk = host.put_scripts(PREPARE_ZONE, PREPARE_DISK)
    runs = host.run_together(
        create(ZONE, "-o", output(shelf, ZONE), "-s", zone),
        create(LX, "-o", output(shelf, LX), "-s", zone, "-i"),
        create(KVM, "-o", output(shelf, KVM), "-s", disk, "-i"),
        create(BHYVE, "-o", output(shelf, BHYVE), "-s", disk, "-c", "gzip"),
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
        f'Sending image file to "{output(shelf, ZONE)}.zfs"',
        f'Saving manifest to "{output(shelf, ZONE)}.imgmanifest"',
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
        import_all(other, tank, url, (ZONE, LX, KVM, BHYVE))
        for machine in (ZONE, LX):
            made = tree(host, f"/{tank}/{image_of(machine)}")
            was = tree(host, f"/zones/{machine}")
            changed = {name for name in made.keys() | was.keys() if made.get(name) != was.get(name)}
            contents = {name for name in changed if (made.get(name) or was[name])[0] != b"5"}
            assert {"./root/etc/motd", "./root/etc/prepared"} <= contents
            assert contents <= {"./root/etc/motd", "./root/etc/prepared", METADATA, *LINKS}
        for machine in (KVM, BHYVE):
            wanted = prepared(fetch_volume(host.vm, SENT[machine]))
            assert volume_sha256(host.vm, f"{tank}/{image_of(machine)}") == wanted


METADATA = "./config/metadata.json"
LINKS = [f"./root/{name}" for name in ("bin", "sbin", "lib", "lib64")]
"""What the first boot makes."""


def prepared(disk: Path) -> str:
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
