"""``zoneadm list -pc``: the zones of the host, the global one first."""

import sys

from .host_file import read, record_call

STATES = {"running": "running", "stopped": "installed"}


def main(host_file):
    record_call(host_file, "zoneadm")
    lines = ["0:global:running:/::liveimg:shared:"]
    for number, machine in enumerate(read(host_file)["machines"], 1):
        uuid, root = machine["uuid"], "/" + machine["zfs_filesystem"]
        state = STATES[machine["state"]]
        zone = str(number) if state == "running" else "-"
        lines.append(f"{zone}:{uuid}:{state}:{root}:{uuid}:{machine['brand']}:excl:{number}")
    sys.stdout.write("\n".join(lines) + "\n")
