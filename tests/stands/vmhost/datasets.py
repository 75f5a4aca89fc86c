"""The datasets of a machine, as SmartOS lays them out, and the operations on all of them.

joyent, joyent-minimal, lx      POOL/UUID           a clone of the image
kvm                             POOL/UUID           the zone, empty
                                POOL/UUID-disk0     a clone of the image
bhyve                           POOL/UUID           the zone, empty, with a quota for all of it
                                POOL/UUID/disk0     a clone of the image
"""

from __future__ import annotations

import os
import shutil
import subprocess

from .machines import HVM_BRANDS, Record, VmadmError

GIB = 1 << 30
DEFAULT_QUOTA_GIB = 10


def zfs(*arguments: str) -> str:
    done = subprocess.run(["zfs", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise VmadmError(f"Command failed: zfs {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def names(record: Record) -> list[str]:
    """The zone's dataset, then the disks'."""
    return [record["zfs_filesystem"], *(disk["zfs_filesystem"] for disk in record["disks"])]


def create(record: Record) -> None:
    """Make the datasets, and note in the record what ZFS made of them."""
    zone = record["zfs_filesystem"]
    if record["brand"] in HVM_BRANDS:
        zfs("create", zone)
    else:
        _clone(record["zpool"], record["image_uuid"], zone, name=record["uuid"])
        zfs("set", f"quota={record['quota']}G", zone)
    record["zonepath"] = zfs("get", "-H", "-o", "value", "mountpoint", zone).strip()
    # An image may have the configuration of the machine that it was made of.
    shutil.rmtree(f"{record['zonepath']}/config", ignore_errors=True)
    os.mkdir(f"{record['zonepath']}/config")
    for disk in record["disks"]:
        _create_disk(disk, name=record["uuid"])
    if record["brand"] == "bhyve":
        disks = sum(_number(disk["zfs_filesystem"], "refreservation") for disk in record["disks"])
        zfs("set", f"quota={record['quota'] * GIB + disks}", zone)


def _create_disk(disk: Record, *, name: str) -> None:
    volume = disk["zfs_filesystem"]
    if "image_uuid" in disk:
        _clone(disk["zpool"], disk["image_uuid"], volume, name=name)
        zfs("set", "refreservation=auto", volume)
    else:
        zfs("create", "-V", f"{disk['size']}M", volume)
    disk["size"] = _number(volume, "volsize") >> 20


def _clone(pool: str, image: str, dataset: str, *, name: str) -> None:
    """Clone an image's ``@final``; if it has none, a snapshot named after the machine."""
    origin = f"{pool}/{image}@final"
    if not exists(origin):
        origin = f"{pool}/{image}@{name}"
        zfs("snapshot", origin)
    zfs("clone", origin, dataset)


def exists(name: str) -> bool:
    done = subprocess.run(["zfs", "list", "-H", name], capture_output=True, check=False)
    return done.returncode == 0


def _number(dataset: str, prop: str) -> int:
    return int(zfs("get", "-Hp", "-o", "value", prop, dataset))


def destroy(record: Record) -> None:
    """Destroy them with their snapshots, and an image's snapshot that was made for them."""
    origins = [zfs("get", "-H", "-o", "value", "origin", name).strip() for name in names(record)]
    for name in reversed(names(record)):
        zfs("destroy", "-r", name)
    for origin in origins:
        if origin.endswith("@" + record["uuid"]):
            zfs("destroy", origin)


def snapshot(record: Record, name: str) -> None:
    zfs("snapshot", *(f"{dataset}@{name}" for dataset in names(record)))


def rollback(record: Record, name: str) -> None:
    for dataset in names(record):
        zfs("rollback", "-r", f"{dataset}@{name}")


def destroy_snapshot(record: Record, name: str) -> None:
    for dataset in names(record):
        zfs("destroy", f"{dataset}@{name}")


def devices(record: Record) -> list[str]:
    """The block device of each disk. Where no udev links names to them, its program tells."""
    found = {}
    for node in sorted(os.listdir("/sys/block")):
        if node.startswith("zd"):
            asked = ["/lib/udev/zvol_id", f"/dev/{node}"]
            answer = subprocess.run(asked, capture_output=True, text=True, check=False)
            found[answer.stdout.strip()] = f"/dev/{node}"
    missing = [name for name in names(record)[1:] if name not in found]
    if missing:
        raise VmadmError(f"no device for {', '.join(missing)}")
    return [found[name] for name in names(record)[1:]]
