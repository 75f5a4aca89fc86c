"""``vmadm``: looks machines up, starts, stops and changes them; a script in one does its part."""

import json
import sys

from .host_file import fail, locked, read, record_call

REPORTS = {
    "success": {"prepare-image:state": "success"},
    "error": {
        "prepare-image:state": "error",
        "prepare-image:error": "prepare script blew up",
    },
}
"""What a prepare-image script leaves in the metadata, by how its work ends."""


def main(host_file):
    record_call(host_file, "vmadm")
    command, *arguments = sys.argv[1:] or [""]
    if command == "lookup":
        answer(read(host_file)["machines"])
    elif command == "list":
        for machine in read(host_file)["machines"]:
            sys.stdout.write(machine["uuid"] + "\n")
    elif command == "get" and arguments:
        answer(machine_of(read(host_file), arguments[0]))
    elif command in CHANGES and arguments:
        with locked(host_file) as host:
            CHANGES[command](host, machine_of(host, arguments[-1]))
    else:
        fail("Invalid command", 2)


def answer(value):
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def machine_of(host, uuid):
    for machine in host["machines"]:
        if machine["uuid"] == uuid:
            return machine
    raise SystemExit(1)


def start(host, machine):
    machine["state"] = "running"
    if "autoboot" in machine:  # which the recorded machines do not tell
        machine["autoboot"] = True
    if "operator-script" in machine["internal_metadata"]:
        machine["customer_metadata"].update(REPORTS[host["preparation"]])
        machine["state"] = "stopped"


def stop(_host, machine):
    if machine["state"] == "stopped":
        fail(f"Cannot stop vm {machine['uuid']}: it is not running")
    machine["state"] = "stopped"


def update(host, machine):
    given = json.load(sys.stdin)
    host.setdefault("updates", []).append(given)
    for name, value in given.items():
        action, _, prop = name.partition("_")
        if action == "set":
            machine[prop].update(value)
        elif action == "remove":
            for key in value:
                machine[prop].pop(key, None)
        else:
            machine[name] = value


CHANGES = {"start": start, "stop": stop, "update": update}
