"""The machines of the host: their records, their metadata and their states.

A record is what ``vmadm get`` shows, but for the state and the metadata.
"""

from __future__ import annotations

import fcntl
import json
import os

ROOT = os.environ.get("VMHOST_ROOT", "/var/vmhost")
OS_BRANDS = ("joyent", "joyent-minimal", "lx")
HVM_BRANDS = ("kvm", "bhyve")
METADATA = ("customer_metadata", "internal_metadata")

Record = dict


class VmadmError(Exception):
    """What ``vmadm`` reports, and exits with status 1."""


def run_directory(uuid: str) -> str:
    return f"{ROOT}/run/{uuid}"


def load(uuid: str) -> Record:
    try:
        with open(_record(uuid)) as file:
            return json.load(file)
    except FileNotFoundError:
        raise VmadmError(f"No such zone configured: {uuid}") from None


def save(record: Record) -> None:
    os.makedirs(f"{ROOT}/vms", exist_ok=True)
    _replace(_record(record["uuid"]), record)


def forget(uuid: str) -> None:
    os.unlink(_record(uuid))


def every() -> list[Record]:
    """All records, by UUID."""
    try:
        names = sorted(os.listdir(f"{ROOT}/vms"))
    except FileNotFoundError:
        return []
    return [load(name.removesuffix(".json")) for name in names if name.endswith(".json")]


def state(uuid: str) -> str:
    """``running`` while the process that is the machine holds its lock: no file can be wrong."""
    try:
        with open(f"{run_directory(uuid)}/lock", "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return "stopped"
    except BlockingIOError:
        return "running"
    return "stopped"


def shown(record: Record) -> Record:
    """What ``vmadm get`` prints."""
    now = state(record["uuid"])
    zone_state = {"running": "running", "stopped": "installed"}[now]
    return {**record, **metadata(record), "state": now, "zone_state": zone_state}


def metadata(record: Record) -> dict[str, dict[str, str]]:
    try:
        with open(_metadata_file(record)) as file:
            return json.load(file)
    except FileNotFoundError:
        return {kind: {} for kind in METADATA}


class ChangingMetadata:
    """A context in which the metadata may be changed.

    ``vmadm update`` and the machine itself may both do so; hence the lock.
    """

    def __init__(self, record: Record) -> None:
        self._record = record

    def __enter__(self) -> dict[str, dict[str, str]]:
        os.makedirs(f"{ROOT}/locks", exist_ok=True)
        self._lock = open(f"{ROOT}/locks/{self._record['uuid']}", "w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._content = metadata(self._record)
        return self._content

    def __exit__(self, *error: object) -> None:
        os.makedirs(os.path.dirname(_metadata_file(self._record)), exist_ok=True)
        _replace(_metadata_file(self._record), self._content)
        self._lock.close()


def _record(uuid: str) -> str:
    return f"{ROOT}/vms/{uuid}.json"


def _metadata_file(record: Record) -> str:
    return f"{record['zonepath']}/config/metadata.json"


def _replace(path: str, content: object) -> None:
    with open(path + ".new", "w") as file:
        json.dump(content, file, indent=2)
    os.replace(path + ".new", path)
