"""``imgadm create``: an image from a virtual machine of this host."""

from __future__ import annotations

from imgadm.base.compressions import COMPRESSIONS
from imgadm.cli.command import Command, ConfigurationUse, Example
from imgadm.cli.disk_options import CREATE_FROM, DISK_BLOCK_SIZE, DISK_FORMAT
from imgadm.cli.options import Option, OptionKind
from imgadm.cli.reference.sections import CREATED_FIELDS_SECTION, DISK_SECTION, MACHINE_SECTION
from imgadm.cli.shared_options import HELP, INSECURE, POOL, QUIET, TOKEN_FILE

_QUOTED_COMPRESSIONS = [f'"{name}"' for name in COMPRESSIONS]

_MANIFEST = Option(
    ("-m",),
    'A JSON object of manifest fields; "-" is the standard input.',
    kind=OptionKind.TEXT,
    placeholder="<manifest>",
)
_OUTPUT = Option(
    ("-o", "--output-template"),
    "Where to write the two files: a directory, or how their names begin. The default is "
    "NAME-VERSION in the current directory.",
    kind=OptionKind.TEXT,
    placeholder="<path>",
)
_OVERWRITE = Option(("--overwrite",), "Replace files of that name.")
_COMPRESSION = Option(
    ("-c", "--compression"),
    f"How to compress the image file: {_QUOTED_COMPRESSIONS[0]} (the default), "
    f"{', '.join(_QUOTED_COMPRESSIONS[1:-1])} or {_QUOTED_COMPRESSIONS[-1]}.",
    kind=OptionKind.TEXT,
    placeholder="<comp>",
)
_LEVEL = Option(
    ("--level",),
    "How hard to compress, from fast to small: 1 to 9, or 1 to 19 for zstd.",
    kind=OptionKind.POSITIVE_INTEGER,
    placeholder="<n>",
)
_INCREMENTAL = Option(
    ("-i", "--incremental"),
    "Only what differs from the image that the machine, or the disk, was made from.",
)
_DEPTH = Option(
    ("--max-origin-depth",),
    "Fail if the machine is based on more than so many images, each on the next.",
    kind=OptionKind.POSITIVE_INTEGER,
    placeholder="<n>",
)
_SCRIPT = Option(
    ("-s",),
    "Prepare the machine with this script first, and roll it back afterwards.",
    kind=OptionKind.TEXT,
    placeholder="<prepare-image-path>",
)
_NO_WAIT = Option(
    ("--no-wait",),
    "Fail at once if another image of the machine is being created, or the origin of a disk is "
    "being changed, instead of waiting.",
)
_PUBLISH = Option(
    ("-p", "--publish"),
    "Publish to the image server at this URL, with no file in between.",
    kind=OptionKind.TEXT,
    placeholder="<url>",
)

COMMAND = Command(
    name="create",
    summary="Create an image from a virtual machine or a disk",
    synopses=(
        "create [<options>] <vm-uuid> [<field>=<value> ...]",
        "create [<options>] --disk <disk> <field>=<value>...",
    ),
    description="Create an image from a virtual machine of this host, or from a disk: a manifest "
    "and an image file, which are read, compressed and written in one pass. They appear when they "
    "are whole, and nothing is overwritten unasked. The machine is left as it was.",
    options=(
        HELP,
        _MANIFEST,
        _OUTPUT,
        _OVERWRITE,
        _COMPRESSION,
        _LEVEL,
        _INCREMENTAL,
        _DEPTH,
        _SCRIPT,
        _PUBLISH,
        INSECURE,
        TOKEN_FILE,
        CREATE_FROM,
        DISK_FORMAT,
        DISK_BLOCK_SIZE,
        POOL,
        QUIET,
        _NO_WAIT,
    ),
    sections=(MACHINE_SECTION, DISK_SECTION, CREATED_FIELDS_SECTION),
    configuration=ConfigurationUse.OPTIONAL,
    examples=(
        Example(
            "imgadm create 0b97c4a5-a6f8-4b6f-8b4c-4a1b4c9f5e0d name=web version=1.0 -c gzip",
            "From a stopped machine: web-1.0.imgmanifest and web-1.0.zfs.gz",
        ),
        Example(
            "imgadm create -i -s prepare.sh -o /images "
            "0b97c4a5-a6f8-4b6f-8b4c-4a1b4c9f5e0d name=web version=1.1",
            "What differs from its image, prepared by a script",
        ),
        Example(
            "imgadm create --disk debian.qcow2 name=debian version=12 os=linux -c gzip",
            "From a disk: debian-12.imgmanifest and debian-12.zvol.gz",
        ),
    ),
)
