"""``sysinfo``: the facts of the host as JSON."""

import json
import sys

from .host_file import read, record_call


def main(host_file):
    record_call(host_file, "sysinfo")
    sys.stdout.write(json.dumps(read(host_file)["sysinfo"], indent=2) + "\n")
