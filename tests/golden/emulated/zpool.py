"""``zpool``: lists the pools of the host, which all have the same size."""

import sys

from .arguments import parse
from .host_file import POOL_BYTES, fail, read, record_call

DEFAULT_COLUMNS = "name,size,alloc,free,health"


def main(host_file):
    record_call(host_file, "zpool")
    if len(sys.argv) < 2 or sys.argv[1] not in ("list", "get"):
        fail("unrecognized command\nusage: zpool command args ...", 2)
    options, operands = parse(sys.argv[2:], "Hpv", "o")
    props = operands.pop(0).split(",") if sys.argv[1] == "get" else None
    datasets = read(host_file)["datasets"]
    names = operands or sorted(name for name in datasets if "/" not in name and "@" not in name)
    for name in names:
        if name not in datasets or "/" in name:
            fail(f"cannot open '{name}': no such pool")
    if props:
        columns = options.get("o", ["name,property,value,source"])[-1].split(",")
        cells = [
            {"name": name, "property": prop, "value": value(datasets, name, prop), "source": "-"}
            for name in names
            for prop in props
        ]
        rows = [[cell[column] for column in columns] for cell in cells]
    else:
        columns = options.get("o", [DEFAULT_COLUMNS])[-1].split(",")
        rows = [[value(datasets, name, column) for column in columns] for name in names]
    if "H" not in options:
        rows.insert(0, [column.upper() for column in columns])
    sys.stdout.write("".join("\t".join(row) + "\n" for row in rows))


def value(datasets, name, prop):
    values = {
        "name": name,
        "size": str(POOL_BYTES),
        "alloc": "0",
        "allocated": "0",
        "free": str(POOL_BYTES),
        "capacity": "0",
        "health": "ONLINE",
        "guid": datasets[name]["guid"],
        "readonly": "off",
    }
    if prop not in values:
        fail(f"bad property list: invalid property '{prop}'\nusage:", 2)
    return values[prop]
