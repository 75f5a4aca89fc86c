"""``imgadm create``: an image from a virtual machine of this host."""

from __future__ import annotations

from imgadm.cli.command import Command, ConfigurationUse, Context
from imgadm.cli.options import Kind, Option, Options
from imgadm.cli.shared_options import HELP, NO_WAIT, QUIET
from imgadm.errors import UsageError

COMPRESSIONS = ("none", "bzip2", "gzip", "xz", "zstd")

MANIFEST = Option(
    ("-m",),
    'A JSON object of manifest fields; "-" is the standard input.',
    kind=Kind.TEXT,
    placeholder="<manifest>",
)
OUTPUT = Option(
    ("-o", "--output-template"),
    "Where to write the two files: a directory, or how their names begin. The default is "
    "NAME-VERSION in the current directory.",
    kind=Kind.TEXT,
    placeholder="<path>",
)
OVERWRITE = Option(("--overwrite",), "Replace files of that name.")
COMPRESSION = Option(
    ("-c", "--compression"),
    'How to compress the image file: "none" (the default), "bzip2", "gzip", "xz" or "zstd".',
    kind=Kind.TEXT,
    placeholder="<comp>",
)
INCREMENTAL = Option(
    ("-i", "--incremental"), "Only what differs from the image that the machine was made from."
)
DEPTH = Option(
    ("--max-origin-depth",),
    "Fail if the machine is based on more than so many images, each on the next.",
    kind=Kind.POSITIVE_INTEGER,
    placeholder="<n>",
)
SCRIPT = Option(
    ("-s",),
    "Prepare the machine with this script first, and roll it back afterwards.",
    kind=Kind.TEXT,
    placeholder="<prepare-image-path>",
)
PUBLISH = Option(
    ("-p", "--publish"),
    "Publish to the image server at this URL, with no file in between.",
    kind=Kind.TEXT,
    placeholder="<url>",
)


def run(context: Context, options: Options, arguments: list[str]) -> int:
    from imgadm.manifest import check_uuid

    if not arguments:
        raise UsageError('incorrect number of args (0): ""')
    check_uuid(arguments[0])
    return 0


COMMAND = Command(
    name="create",
    summary="Create an image from a virtual machine",
    synopses=("create [<options>] <vm-uuid> [<field>=<value> ...]",),
    description="Create an image.",
    options=(
        HELP,
        MANIFEST,
        OUTPUT,
        OVERWRITE,
        COMPRESSION,
        INCREMENTAL,
        DEPTH,
        SCRIPT,
        PUBLISH,
        QUIET,
        NO_WAIT,
    ),
    run=run,
    configuration=ConfigurationUse.OPTIONAL,
    examples=(),
)
