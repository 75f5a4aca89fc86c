"""``vmadm get UUID`` and ``vmadm lookup -j``: the machines of the host as JSON."""

import json
import sys

from .host_file import fail, read, record_call


def main(host_file):
    record_call(host_file, "vmadm")
    machines = read(host_file)["machines"]
    command, *arguments = sys.argv[1:] or [""]
    if command == "lookup":
        answer = machines
    elif command == "get" and arguments:
        answer = next((machine for machine in machines if machine["uuid"] == arguments[0]), None)
        if answer is None:
            fail(f"No such zone configured: {arguments[0]}")
    else:
        fail("Invalid command", 2)
    sys.stdout.write(json.dumps(answer, indent=2) + "\n")
