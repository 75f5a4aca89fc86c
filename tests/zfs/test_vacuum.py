"""Machines laid out as SmartOS does: what they are made from stays, what nothing uses goes."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from .guest_host import GuestHost, extra_pool

ZONE_IMAGE, KVM_IMAGE, BHYVE_IMAGE, SNAPSHOT_IMAGE, INNER_IMAGE = (
    f"aaaaaaaa-0000-4000-8000-00000000000{number}" for number in range(1, 6)
)
BASE, CHILD, IGNORED, TANK_IMAGE, TANK_UNUSED = (
    f"bbbbbbbb-0000-4000-8000-00000000000{number}" for number in range(1, 6)
)
ZONE, KVM, BHYVE, OF_SNAPSHOT, OF_TANK = (
    f"ffffffff-0000-4000-8000-00000000000{number}" for number in range(1, 6)
)
CLONES = {
    ZONE_IMAGE: f"zones/{ZONE}",
    KVM_IMAGE: f"zones/{KVM}-disk0",
    BHYVE_IMAGE: f"zones/{BHYVE}/disk0",
    SNAPSHOT_IMAGE: f"zones/{OF_SNAPSHOT}",
    INNER_IMAGE: "zones/elsewhere",
}
FILESYSTEMS = [
    f"zones/{ZONE_IMAGE}",
    f"zones/{SNAPSHOT_IMAGE}",
    f"zones/{INNER_IMAGE}",
    f"zones/{BASE}",
    f"zones/{IGNORED}",
    f"tank2/{TANK_IMAGE}",
    f"tank2/{TANK_UNUSED}",
]
VOLUMES = [f"zones/{KVM_IMAGE}", f"zones/{BHYVE_IMAGE}"]
LAYOUT = f"""
    for name in {" ".join(FILESYSTEMS)}; do zfs create $name || exit; done
    for name in {" ".join(VOLUMES)}; do zfs create -V 1M $name || exit; done
    for name in {" ".join(FILESYSTEMS + VOLUMES)}; do zfs snapshot $name@final || exit; done
    zfs clone zones/{BASE}@final zones/{CHILD} && zfs snapshot zones/{CHILD}@final &&
    zfs set imgadm:ignore=true zones/{IGNORED} &&
    zfs clone zones/{ZONE_IMAGE}@final zones/{ZONE} &&
    zfs create zones/{KVM} && zfs clone zones/{KVM_IMAGE}@final zones/{KVM}-disk0 &&
    zfs create zones/{BHYVE} && zfs clone zones/{BHYVE_IMAGE}@final zones/{BHYVE}/disk0 &&
    zfs snapshot zones/{SNAPSHOT_IMAGE}@daily &&
    zfs clone zones/{SNAPSHOT_IMAGE}@daily zones/{OF_SNAPSHOT} &&
    zfs create zones/{INNER_IMAGE}/data && zfs snapshot zones/{INNER_IMAGE}/data@now &&
    zfs clone zones/{INNER_IMAGE}/data@now zones/elsewhere &&
    zfs clone tank2/{TANK_IMAGE}@final tank2/{OF_TANK}
"""


def lay_out(host: GuestHost) -> None:
    host.vm.check(LAYOUT)
    records = f"{host.root}/state/images"
    host.vm.check(f"mkdir -p {records}")
    for uuid, name, origin in ((BASE, "base", None), (CHILD, "child", BASE)):
        manifest = {"v": 2, "uuid": uuid, "name": name, "version": "1", "origin": origin}
        path = host.vm.exchange / f"record-{uuid}"
        path.write_text(json.dumps({"manifest": manifest, "zpool": "zones"}))
        host.vm.check(f"mv {path} {records}/zones-{uuid}.json")


def datasets(host: GuestHost) -> set[str]:
    return set(host.vm.check("zfs list -Hp -t filesystem,volume -o name").splitlines())


def deleted(lines: Sequence[str], prefix: str = "") -> list[str]:
    """UUIDs of the images that lines tell of, of which all must."""
    beginning = f"{prefix}Deleted image "
    assert all(line.startswith(beginning) for line in lines)
    return [line.removeprefix(beginning).split()[0] for line in lines]


@pytest.mark.timeout(900)
def test_only_what_nothing_uses_is_deleted(host: GuestHost) -> None:
    with extra_pool(host.vm, "tank2", size="128M"):
        lay_out(host)
        before = datasets(host)
        listed, children, ancestry, planned, machine, *refused = host.run_together(
            ("list", "-H", "-o", "uuid,clones", "clones=1"),
            ("get", "-r", ZONE_IMAGE),
            ("ancestry", "-H", "-o", "uuid,name", CHILD),
            ("vacuum", "-n"),
            ("delete", BHYVE),
            *(("delete", uuid) for uuid in CLONES),
        )
        assert sorted(line.split()[0] for line in listed.lines) == sorted(
            [*CLONES, BASE, TANK_IMAGE]
        )
        assert json.loads(children.stdout)["children"] == {
            "snapshots": [f"zones/{ZONE_IMAGE}@final"],
            "clones": [f"zones/{ZONE}"],
        }
        assert ancestry.lines == [f"{CHILD}  child", f"{BASE}  base"]
        unused = [TANK_UNUSED, CHILD, BASE]
        assert deleted(planned.lines, "[dry-run] ") == unused
        assert (machine.status, machine.error()[0]) == (3, "ImageNotInstalled")
        assert [(run.status, *run.error()) for run in refused] == [
            (1, "ImageHasDependentClones", f'image "{uuid}" has dependent clones: {clone}')
            for uuid, clone in CLONES.items()
        ]
        assert datasets(host) == before

        vacuum = host.run("vacuum", "-f")
        assert (vacuum.status, vacuum.stderr) == (0, "")
        assert deleted(vacuum.lines) == unused
        assert before - datasets(host) == {
            f"zones/{CHILD}",
            f"zones/{BASE}",
            f"tank2/{TANK_UNUSED}",
        }
        assert host.records() == {}

        host.vm.check(f"zfs destroy -r zones/{BHYVE} && zfs destroy zones/{KVM}-disk0")
        left = datasets(host)
        again = host.run("vacuum", "-f")
        assert (again.status, again.stderr) == (0, "")
        assert deleted(again.lines) == [KVM_IMAGE, BHYVE_IMAGE]
        assert left - datasets(host) == {f"zones/{KVM_IMAGE}", f"zones/{BHYVE_IMAGE}"}
