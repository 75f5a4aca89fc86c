"""``zfs receive``: takes a whole stream, checks it, then makes the dataset and its snapshot."""

import sys

from . import datasets as ds
from .arguments import parse
from .host_file import fail, locked
from .send_stream import BadStreamError, Stream

FILE_SYSTEM_PROPERTIES = {"setuid", "devices", "exec", "mountpoint", "canmount"}
USAGE = """\
usage:
\treceive [-vMnsFhu] [-o <property>=<value>] ... [-x <property>] ...
\t    <filesystem|volume|snapshot>"""


def run(host_file, arguments):
    if not arguments:
        fail(f"missing snapshot argument\n{USAGE}", 2)
    options, (name,) = parse(arguments, "uFsvnehd", "ox")
    data = sys.stdin.buffer.read()
    try:
        stream = Stream(data)
    except BadStreamError as error:
        fail(str(error))
    kind = "incremental" if stream.origin_guid else "new filesystem"
    with locked(host_file) as host:
        datasets = host["datasets"]
        if name in datasets:
            reason = f"destination '{name}' exists\nmust specify -F to overwrite it"
            fail(f"cannot receive {kind} stream: {reason}")
        if ds.parent(name) not in datasets:
            fail(f"cannot receive {kind} stream: destination '{ds.parent(name)}' does not exist")
        origin = _origin(datasets, stream, name)
        props = dict(pair.split("=", 1) for pair in options.get("o", []))
        props.pop("origin", None)
        if stream.type == "volume":
            if unfit := props.keys() & FILE_SYSTEM_PROPERTIES:
                fail(f"cannot receive: {min(unfit)}: property does not apply to this type")
            props["volsize"] = host["volume_sizes"].get(stream.guid, "0")
        ds.add(host, name, stream.type, origin=origin, props=props)
        ds.add(host, f"{name}@{stream.snapshot}", "snapshot", guid=stream.guid)


def _origin(datasets, stream, name):
    if not stream.origin_guid:
        return None
    if not stream.is_clone:
        fail(f"cannot receive incremental stream: destination '{name}' does not exist")
    for other in ds.in_order(datasets):
        if datasets[other]["guid"] == stream.origin_guid:
            return other
    return fail(f"cannot receive: local origin for clone {name} does not exist")
