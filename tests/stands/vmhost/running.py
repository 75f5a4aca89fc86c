"""A machine that runs: a process that holds the machine's lock, boots it, and answers it.

A zone is chrooted into its dataset's ``root``. A kvm or bhyve machine finds its disks as block
devices that DISK0, DISK1, … name, for want of an emulator. Both have process and mount namespaces
of their own: halting is killing their first process. What runs inside talks to this process as
guest/mdata does.
"""

from __future__ import annotations

import fcntl
import os
import select
import subprocess
import sys
import time

from . import datasets
from .machines import (
    HVM_BRANDS,
    ChangingMetadata,
    Record,
    VmadmError,
    metadata,
    run_directory,
    state,
)

HERE = os.path.dirname(os.path.realpath(__file__))
HALT_LIMIT_S = 120
BOOT_LIMIT_S = 120

FOUND, NOT_FOUND, FAILED = 0, 1, 2


def start(record: Record) -> None:
    """Boot the machine; it runs, and its first boot has changed its disk, when this returns."""
    directory = run_directory(record["uuid"])
    subprocess.run(["rm", "-rf", directory], check=True)
    os.makedirs(f"{directory}/programs")
    os.mkfifo(f"{directory}/requests")
    environment = {
        "ZONEPATH": record["zonepath"],
        "KIND": "hvm" if record["brand"] in HVM_BRANDS else "zone",
        "CONTROL": directory,
        "PROGRAMS": f"{HERE}/guest",
    }
    if record["disks"]:
        for number, device in enumerate(datasets.devices(record)):
            environment[f"DISK{number}"] = device
    reading, writing = os.pipe()
    if os.fork() == 0:
        _run_apart(record, environment, writing)
    os.close(writing)
    with open(reading) as ready:
        if ready.read() != "ready":
            raise VmadmError(f"machine did not boot, see {directory}/console.log")
    os.wait()
    deadline = time.monotonic() + BOOT_LIMIT_S
    runs = True
    while not os.path.exists(f"{directory}/booted"):
        if not runs or time.monotonic() > deadline:
            raise VmadmError(f"machine did not boot, see {directory}/console.log")
        time.sleep(0.02)
        runs = state(record["uuid"]) == "running"  # looked at before the file, which comes first


def halt(record: Record) -> None:
    """Stop the machine, and wait until it has."""
    with open(f"{run_directory(record['uuid'])}/requests", "r+b", buffering=0) as requests:
        requests.write(b"halt\n")
        deadline = time.monotonic() + HALT_LIMIT_S
        while state(record["uuid"]) == "running":
            if time.monotonic() > deadline:
                raise VmadmError(f"timed out waiting for VM {record['uuid']} to halt")
            time.sleep(0.05)


def _run_apart(record: Record, environment: dict[str, str], ready: int) -> None:
    """Leave the caller's session, and hold none of its descriptors: it may wait for their end."""
    os.setsid()
    if os.fork() != 0:
        os._exit(0)
    try:
        directory = run_directory(record["uuid"])
        console = os.open(f"{directory}/console.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        nothing = os.open("/dev/null", os.O_RDONLY)
        for old, new in ((nothing, 0), (console, 1), (console, 2)):
            os.dup2(old, new)
        kept = os.dup2(ready, 3)
        os.closerange(kept + 1, 1024)
        os.chdir("/")
        _be_machine(record, environment, directory, kept)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    os._exit(0)


def _be_machine(record: Record, environment: dict[str, str], directory: str, ready: int) -> None:
    # Its children do not inherit the lock: it ends with this process, and not before they do.
    lock = os.open(f"{directory}/lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    requests = os.open(f"{directory}/requests", os.O_RDWR)
    # Every process in the machine has the other end of this pipe.
    alive, inside = os.pipe()
    command = ["unshare", "--mount", "--propagation", "slave", "--pid", "--fork"]
    command += ["--kill-child", "sh", f"{HERE}/boot"]
    environment = {"PATH": os.environ["PATH"], **environment}
    first = subprocess.Popen(command, env=environment, pass_fds=[inside])
    os.close(inside)
    os.write(ready, b"ready")
    os.close(ready)
    unread = b""
    while alive not in select.select([requests, alive], [], [])[0]:
        *lines, unread = (unread + os.read(requests, 65536)).split(b"\n")
        if b"halt" in lines:
            first.kill()
            break
        for line in lines:
            verb, call = line.decode().split()
            _answer(record, verb, f"{directory}/{call}")
    os.read(alive, 1)
    first.wait()


def _answer(record: Record, verb: str, call: str) -> None:
    """Do what a call asks for: a directory with ``key``, perhaps ``value``, and ``reply``."""
    status, text = _done(record, verb, _content(f"{call}/key"), f"{call}/value")
    with open(f"{call}/reply", "w") as reply:
        reply.write(f"{status}\n{text}")


def _done(record: Record, verb: str, key: str, value: str) -> tuple[int, str]:
    if verb == "get":
        known = _readable(record)
        return (FOUND, known[key]) if key in known else (NOT_FOUND, f"No metadata for '{key}'")
    if key.startswith("sdc:"):
        return FAILED, f"'{key}' is read-only"
    with ChangingMetadata(record) as content:
        if verb == "put":
            content["customer_metadata"][key] = _content(value)
        else:
            content["customer_metadata"].pop(key, None)
    return FOUND, ""


def _readable(record: Record) -> dict[str, str]:
    """What a machine may know: the customer's metadata, and from the operator's a little."""
    content = metadata(record)
    internal = {
        "sdc:" + key: value
        for key, value in content["internal_metadata"].items()
        if key == "operator-script"
    }
    return content["customer_metadata"] | internal | {"sdc:uuid": record["uuid"]}


def _content(path: str) -> str:
    with open(path, newline="") as file:
        return file.read()
