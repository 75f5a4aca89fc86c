"""The declaration of ``imgadm create``."""

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
    'A file with a JSON object of manifest fields; "-" is the standard input.',
    kind=OptionKind.TEXT,
    placeholder="<manifest>",
)
_OUTPUT = Option(
    ("-o", "--output-template"),
    "Where to write the two files: an existing directory, or a path that their suffixes are "
    "added to. The default is NAME-VERSION in the current directory.",
    kind=OptionKind.TEXT,
    placeholder="<path>",
)
_OVERWRITE = Option(("--overwrite",), "Replace existing files.")
_COMPRESSION = Option(
    ("-c", "--compression"),
    f"How to compress the image file: {_QUOTED_COMPRESSIONS[0]} (the default), "
    f"{', '.join(_QUOTED_COMPRESSIONS[1:-1])} or {_QUOTED_COMPRESSIONS[-1]}.",
    kind=OptionKind.TEXT,
    placeholder="<comp>",
)
_LEVEL = Option(
    ("--level",),
    "The level of compression: 1 (fastest) to 9 (smallest), or to 19 for zstd.",
    kind=OptionKind.POSITIVE_INTEGER,
    placeholder="<n>",
)
_INCREMENTAL = Option(
    ("-i", "--incremental"),
    "Store only the differences from the image that the machine, or the disk, was made from.",
)
_DEPTH = Option(
    ("--max-origin-depth",),
    "Fail if the machine is based on a chain of more than <n> images.",
    kind=OptionKind.POSITIVE_INTEGER,
    placeholder="<n>",
)
_SCRIPT = Option(
    ("-s",),
    "Run this script inside the machine before the image is made, and roll the machine back "
    "afterwards.",
    kind=OptionKind.TEXT,
    placeholder="<prepare-image-path>",
)
_NO_WAIT = Option(
    ("--no-wait",),
    "Fail at once if another process is creating an image of the machine, or is working on the "
    "origin of the disk. Otherwise wait for it.",
)
_PUBLISH = Option(
    ("-p", "--publish"),
    "Publish to the image server at this URL instead of writing files.",
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
    description="Create an image from a virtual machine of this host, or from a disk. The result "
    "is a manifest and an image file. The disk is read, compressed and written in one pass. Both "
    "files appear when they are complete, and no file is overwritten without --overwrite. The "
    "machine is in the same state afterwards as before.",
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
            "The differences from its image, prepared by a script",
        ),
        Example(
            "imgadm create --disk debian.qcow2 name=debian version=12 os=linux -c gzip",
            "From a disk: debian-12.imgmanifest and debian-12.zvol.gz",
        ),
    ),
)
