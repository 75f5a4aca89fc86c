# Builtin open(): pathlib takes longer to import than these programs run.
"""The file that holds the state of an emulated host, shared by its programs."""

import fcntl
import json
import os
import sys
import time
from contextlib import contextmanager

CHANGES = {
    ("zfs", "destroy"),
    ("zfs", "rename"),
    ("zfs", "rollback"),
    ("zfs", "send"),
    ("zfs", "set"),
    ("zfs", "snapshot"),
    ("vmadm", "start"),
    ("vmadm", "stop"),
    ("vmadm", "update"),
}
"""Calls that traps are set on."""

POOL_BYTES = 100 << 30


@contextmanager
def locked(path):
    """Yield the host's state; what was changed in it is written back when the block ends well."""
    with open(path + ".lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        host = read(path)
        yield host
        write(path, host)


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def write(path, host):
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(host, file)
    os.replace(path + ".new", path)


def record_call(path, program):
    """Append this call to the log beside the host file, and spring the trap that is set on it."""
    call = [program, *sys.argv[1:]]
    with open(path + ".calls", "a", encoding="utf-8") as log:
        log.write(json.dumps(call) + "\n")
    if os.path.exists(path + ".trap") and tuple(call[:2]) in CHANGES:
        _spring(path + ".trap")


def _spring(path):
    """Let something happen at the call that the trap counts down to."""
    with open(path, encoding="utf-8") as file:
        trap = json.load(file)
    trap["calls"] -= 1
    with open(path, "w", encoding="utf-8") as file:
        json.dump(trap, file)
    if trap["calls"] == 0:
        if trap["what"] == "fail":
            fail("it broke")
        os.kill(os.getppid(), trap["signal"])
        if trap["what"] == "end":
            raise SystemExit(1)
        if trap["what"] == "linger":
            time.sleep(1)


def fail(message, status=1):
    sys.stderr.write(message + "\n")
    raise SystemExit(status)
