# Builtin open(): pathlib takes longer to import than these programs run.
"""``zfs``: the subcommands and options that an image manager has a use for."""

import sys

from . import datasets as ds
from .arguments import parse
from .host_file import fail, locked, read, record_call

METADATA = ("customer_metadata", "internal_metadata")
NO_DATASET = "cannot open '{}': dataset does not exist"


def main(host_file):
    record_call(host_file, "zfs")
    if len(sys.argv) < 2:
        fail("missing command\nusage: zfs command args ...", 2)
    name, arguments = sys.argv[1], sys.argv[2:]
    if name in ("receive", "recv"):
        from . import zfs_receive

        zfs_receive.run(host_file, arguments)
    elif name == "send":
        send(read(host_file)["datasets"], arguments)
    elif name in ("list", "get"):
        from . import zfs_report

        getattr(zfs_report, f"run_{name}")(read(host_file)["datasets"], arguments)
    elif name in CHANGES:
        with locked(host_file) as host:
            CHANGES[name](host, arguments)
    elif name not in ("mount", "unmount", "version"):
        fail(f"unrecognized command '{name}'\nusage: zfs command args ...", 2)


def send(datasets, arguments):
    options, (name,) = parse(arguments, "", "i")
    for snapshot in (name, *options.get("i", ())):
        existing(datasets, snapshot)
    path = datasets[ds.parent(name)]["streams"]["sendincr" if "i" in options else "send"]
    if path is None:
        fail(f"warning: cannot send '{name}': I/O error")
    with open(path, "rb") as stream:
        sys.stdout.buffer.write(stream.read())


def existing(datasets, name):
    if name not in datasets:
        fail(NO_DATASET.format(name))
    return datasets[name]


def destroy(host, arguments):
    options, (name,) = parse(arguments, "rRfvnp")
    datasets = host["datasets"]
    if "@" in name and name not in datasets:
        fail("could not find any snapshots to destroy; check snapshot names.")
    existing(datasets, name)
    doomed = [name, *ds.below(datasets, name)]
    if len(doomed) > 1 and not ("r" in options or "R" in options):
        listing = "\n".join(ds.in_order({key: datasets[key] for key in doomed[1:]}))
        hint = "use '-r' to destroy the following datasets:"
        fail(f"cannot destroy '{name}': filesystem has children\n{hint}\n{listing}")
    dependent = [
        clone for snap in doomed for clone in ds.clones(datasets, snap) if clone not in doomed
    ]
    if dependent and "R" not in options:
        kind = "snapshot" if "@" in name else "filesystem"
        hint = "use '-R' to destroy the following datasets:"
        fail("\n".join([f"cannot destroy '{name}': {kind} has dependent clones", hint, *dependent]))
    doomed += [one for clone in dependent for one in (clone, *ds.below(datasets, clone))]
    if "n" not in options:
        for one in doomed:
            datasets.pop(one, None)


def rename(host, arguments):
    _, (old, new) = parse(arguments, "rfpu")
    datasets = host["datasets"]
    existing(datasets, old)
    if new.startswith("@"):
        new = ds.parent(old) + new
    if new in datasets:
        fail(f"cannot rename to '{new}': dataset already exists")
    if new.partition("/")[0] != old.partition("/")[0]:
        fail(f"cannot rename to '{new}': datasets must be within same pool")
    if ds.parent(new) not in datasets:
        fail(f"cannot rename to '{new}': parent does not exist")
    ds.rename(datasets, old, new)


def snapshot(host, arguments):
    options, names = parse(arguments, "r", "o")
    props = dict(pair.split("=", 1) for pair in options.get("o", []))
    for name in names:
        parent, _, label = name.partition("@")
        existing(host["datasets"], parent)
        below = [key for key in ds.below(host["datasets"], parent) if "@" not in key]
        for target in [parent, *(below if "r" in options else [])]:
            if f"{target}@{label}" in host["datasets"]:
                fail(f"cannot create snapshot '{target}@{label}': dataset already exists")
            ds.add(host, f"{target}@{label}", "snapshot", props=props)
            for machine in _machines_on(host, target):
                kept = {key: dict(machine[key]) for key in METADATA}
                host["datasets"][f"{target}@{label}"]["metadata"] = kept


def rollback(host, arguments):
    options, (name,) = parse(arguments, "rRf")
    datasets = host["datasets"]
    existing(datasets, name)
    dataset = ds.parent(name)
    younger = [
        other
        for other in datasets
        if other.startswith(f"{dataset}@") and datasets[other]["txg"] > datasets[name]["txg"]
    ]
    if younger and "r" not in options:
        fail(f"cannot rollback to '{name}': more recent snapshots or bookmarks exist")
    for other in younger:
        del datasets[other]
    for machine in _machines_on(host, dataset):
        machine.update({key: dict(value) for key, value in datasets[name]["metadata"].items()})


def _machines_on(host, dataset):
    """The machines whose metadata is in the dataset."""
    return [
        machine
        for machine in host["machines"]
        if machine["zfs_filesystem"] == dataset and all(key in machine for key in METADATA)
    ]


def set_properties(host, arguments):
    pairs = [word for word in arguments if "=" in word]
    for name in arguments[len(pairs) :]:
        existing(host["datasets"], name)["props"].update(pair.split("=", 1) for pair in pairs)


def inherit(host, arguments):
    _, (prop, *names) = parse(arguments, "rS")
    for name in names:
        existing(host["datasets"], name)["props"].pop(prop, None)


def create(host, arguments):
    options, (name,) = parse(arguments, "psu", "oVb")
    _refuse_taken(host["datasets"], name)
    props = dict(pair.split("=", 1) for pair in options.get("o", []))
    if "V" in options:
        props["volsize"] = options["V"][0]
    ds.add(host, name, "volume" if "V" in options else "filesystem", props=props)


def clone(host, arguments):
    options, (origin, name) = parse(arguments, "pu", "o")
    kind = existing(host["datasets"], ds.parent(existing_name(host, origin)))["type"]
    _refuse_taken(host["datasets"], name)
    props = dict(pair.split("=", 1) for pair in options.get("o", []))
    ds.add(host, name, kind, origin=origin, props=props)


def existing_name(host, name):
    existing(host["datasets"], name)
    return name


def _refuse_taken(datasets, name):
    if name in datasets:
        fail(f"cannot create '{name}': dataset already exists")
    if ds.parent(name) not in datasets:
        fail(f"cannot create '{name}': parent does not exist")


CHANGES = {
    "destroy": destroy,
    "rename": rename,
    "rollback": rollback,
    "snapshot": snapshot,
    "set": set_properties,
    "inherit": inherit,
    "create": create,
    "clone": clone,
}
