# Builtin open(): pathlib takes longer to import than these programs run.
"""The file that holds the state of an emulated host, shared by its programs."""

import fcntl
import json
import os
import sys
from contextlib import contextmanager

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
    """Append this call to the log beside the host file."""
    line = json.dumps([program, *sys.argv[1:]]) + "\n"
    with open(path + ".calls", "a", encoding="utf-8") as log:
        log.write(line)


def fail(message, status=1):
    sys.stderr.write(message + "\n")
    raise SystemExit(status)
