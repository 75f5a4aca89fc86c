"""The datasets of an emulated pool: order, properties, kinship.

A dataset is ``{"type", "guid", "txg", "props"}`` and, for a clone, ``"origin"``; it is keyed by its
full name. A pool is a dataset without a slash in its name.
"""

from .host_file import POOL_BYTES

SIZES = frozenset({"used", "refer", "referenced", "usedbysnapshots", "usedbydataset", "written"})


def in_order(datasets):
    """Names in the order of ``zfs list``: by path, then snapshots by age."""
    return sorted(datasets, key=lambda name: (*_path(name), datasets[name]["txg"]))


def _path(name):
    dataset, at, _ = name.partition("@")
    return dataset, bool(at)


def below(datasets, name):
    """Snapshots and descendants of a dataset, with their snapshots; not the dataset itself."""
    return [other for other in datasets if other.startswith((name + "@", name + "/"))]


def depth(name, root):
    """Levels between a dataset and what is below it; its own snapshots are one level down."""
    return name.count("/") + name.count("@") - root.count("/") - root.count("@")


def clones(datasets, snapshot):
    return [name for name in in_order(datasets) if datasets[name].get("origin") == snapshot]


def parent(name):
    return name.rpartition("@" if "@" in name else "/")[0]


def add(host, name, kind, *, guid=None, origin=None, props=None):
    """Put a dataset into the pool; a guid that is not given is invented."""
    host["txg"] += 1
    entry = {"type": kind, "guid": guid or str(10**18 + host["txg"]), "txg": host["txg"]}
    entry["props"] = dict(props or {})
    if origin:
        entry["origin"] = origin
    host["datasets"][name] = entry


def rename(datasets, old, new):
    """Rename a dataset or snapshot with all that is below it, and the origins that name it."""

    def renamed(name):
        if name == old or name.startswith((old + "@", old + "/")):
            return new + name[len(old) :]
        return name

    for name in [old, *below(datasets, old)]:
        datasets[renamed(name)] = datasets.pop(name)
    for entry in datasets.values():
        if "origin" in entry:
            entry["origin"] = renamed(entry["origin"])


def value(datasets, name, prop):
    """``(value, source)`` of a property as ``zfs get -p`` prints them, or None if unknown."""
    entry = datasets[name]
    if prop == "name":
        return name, "-"
    if prop in ("type", "guid"):
        return entry[prop], "-"
    if prop == "createtxg":
        return str(entry["txg"]), "-"
    if prop == "creation":
        return str(1_700_000_000 + entry["txg"]), "-"
    if prop == "origin":
        return entry.get("origin", "-"), "-"
    if prop == "mountpoint":
        return ("/" + name, "default") if entry["type"] == "filesystem" else ("-", "-")
    if prop == "clones":
        is_snapshot = entry["type"] == "snapshot"
        return (",".join(clones(datasets, name)) if is_snapshot else "-"), "-"
    if prop in SIZES:
        return "0", "-"
    if prop in ("available", "avail"):
        return str(POOL_BYTES), "-"
    if prop in entry["props"]:
        return entry["props"][prop], "local"
    if prop in ("quota", "refquota", "reservation", "refreservation", "volsize"):
        return "0", "default"
    return _inherited(datasets, name, prop) if ":" in prop else None


def _inherited(datasets, name, prop):
    ancestor = parent(name)
    while ancestor:
        if prop in datasets[ancestor]["props"]:
            return datasets[ancestor]["props"][prop], f"inherited from {ancestor}"
        ancestor = parent(ancestor)
    return "-", "-"
