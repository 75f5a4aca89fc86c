"""The record that ``vmadm create`` makes of its payload."""

from __future__ import annotations

import uuid

from .machines import HVM_BRANDS, METADATA, OS_BRANDS, Record, VmadmError


def new_record(payload: Record) -> Record:
    """Return the record of a new machine; usual values replace what ``payload`` leaves out."""
    brand = payload.get("brand")
    if brand not in OS_BRANDS + HVM_BRANDS:
        raise VmadmError(f"Invalid brand: {brand}")
    name = payload.get("uuid") or str(uuid.uuid4())
    pool = payload.get("zpool", "zones")
    record = {
        "autoboot": True,
        "ram": 256,
        "quota": 10,
        "disks": [],
        **{key: value for key, value in payload.items() if key not in METADATA},
        "uuid": name,
        "zonename": name,
        "zpool": pool,
        "zfs_filesystem": f"{pool}/{name}",
    }
    between = "-" if brand == "kvm" else "/"
    for number, disk in enumerate(record["disks"]):
        volume = f"{pool}/{name}{between}disk{number}"
        disk |= {"path": f"/dev/zvol/rdsk/{volume}", "zfs_filesystem": volume, "zpool": pool}
    if brand == "bhyve":
        record.setdefault("bootrom", "bios")
    return record
