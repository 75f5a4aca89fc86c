"""``zfs list`` and ``zfs get``: what is there, in columns or in tab-separated lines."""

import sys

from . import datasets as ds
from .arguments import parse
from .host_file import fail

DEFAULT_COLUMNS = "name,used,avail,refer,mountpoint"
TYPES = {"fs": "filesystem", "vol": "volume", "snap": "snapshot"}


def run_list(datasets, arguments):
    options, names = parse(arguments, "Hpr", "dotsS")
    columns = options.get("o", [DEFAULT_COLUMNS])[-1].split(",")
    rows = [
        [_value(datasets, name, column)[0] for column in columns]
        for name in _selected(datasets, names, options, default="filesystem,volume")
    ]
    if not rows and not names:
        sys.stderr.write("no datasets available\n")
    _print(rows, [column.upper() for column in columns], bare="H" in options)


def run_get(datasets, arguments):
    options, (props, *names) = parse(arguments, "Hpr", "dots")
    columns = options.get("o", ["name,property,value,source"])[-1].split(",")
    sources = options.get("s", [None])[-1]
    rows = []
    for name in _selected(datasets, names, options, default="filesystem,volume,snapshot"):
        for prop in _properties(datasets, name, props):
            value, source = _value(datasets, name, prop)
            if sources is None or source.split()[0] in sources.split(","):
                row = {"name": name, "property": prop, "value": value, "source": source}
                rows.append([row[column] for column in columns])
    _print(rows, [column.upper() for column in columns], bare="H" in options)


def _properties(datasets, name, props):
    if props != "all":
        return props.split(",")
    return ["type", "guid", "origin", *datasets[name]["props"]]


def _selected(datasets, names, options, default):
    wanted = options.get("t", [default])[-1].split(",")
    kinds = {TYPES.get(kind, kind) for kind in wanted}
    if "all" in kinds:
        kinds = {"filesystem", "volume", "snapshot"}
    levels = int(options["d"][-1]) if "d" in options else None
    if levels is None and "r" not in options:
        levels = 1 if kinds == {"snapshot"} else 0
    for name in names:
        if name not in datasets:
            fail(f"cannot open '{name}': dataset does not exist")
    if not names:
        return [name for name in ds.in_order(datasets) if datasets[name]["type"] in kinds]
    found = {
        name: datasets[name]
        for root in names
        for name in [root, *ds.below(datasets, root)]
        if levels is None or ds.depth(name, root) <= levels
    }
    explicit = set(names) if "t" not in options else set()
    return [name for name in ds.in_order(found) if found[name]["type"] in kinds or name in explicit]


def _value(datasets, name, prop):
    found = ds.value(datasets, name, prop)
    if found is None:
        fail(f"bad property list: invalid property '{prop}'\nusage:", 2)
    return found


def _print(rows, header, *, bare):
    if bare:
        sys.stdout.write("".join("\t".join(row) + "\n" for row in rows))
        return
    rows = [header, *rows] if rows else []
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write("  ".join(cells).rstrip() + "\n")
