"""``imgadm create``: an image from a virtual machine of this host."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from imgadm.base.compressions import COMPRESSIONS
from imgadm.base.errors import UsageError
from imgadm.cli.command import Command, ConfigurationUse, Context, Example
from imgadm.cli.disk_options import BLOCK_SIZE, CREATE_FROM, FORMAT, create_from_disk, given_disk
from imgadm.cli.options import Kind, Option, Options
from imgadm.cli.reference.create_sections import DISKS, FIELDS, MACHINES
from imgadm.cli.shared_options import HELP, INSECURE, POOL, QUIET, TOKEN_FILE, locks_for

if TYPE_CHECKING:
    from imgadm.cli.output.create_view import CreateView
    from imgadm.operations.creating.plan_image import WantedImage
    from imgadm.operations.creating.save_image import Compression, Destination

_QUOTED_COMPRESSIONS = [f'"{name}"' for name in COMPRESSIONS]

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
    f"How to compress the image file: {_QUOTED_COMPRESSIONS[0]} (the default), "
    f"{', '.join(_QUOTED_COMPRESSIONS[1:-1])} or {_QUOTED_COMPRESSIONS[-1]}.",
    kind=Kind.TEXT,
    placeholder="<comp>",
)
LEVEL = Option(
    ("--level",),
    "How hard to compress, from fast to small: 1 to 9, or 1 to 19 for zstd.",
    kind=Kind.POSITIVE_INTEGER,
    placeholder="<n>",
)
INCREMENTAL = Option(
    ("-i", "--incremental"),
    "Only what differs from the image that the machine, or the disk, was made from.",
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
NO_WAIT = Option(
    ("--no-wait",),
    "Fail at once if another image of the machine is being created, or the origin of a disk is "
    "being changed, instead of waiting.",
)
PUBLISH = Option(
    ("-p", "--publish"),
    "Publish to the image server at this URL, with no file in between.",
    kind=Kind.TEXT,
    placeholder="<url>",
)


def run(context: Context, options: Options, arguments: list[str]) -> int:
    disk = given_disk(options)
    if not arguments and disk is None:
        raise UsageError('incorrect number of args (0): ""')

    from imgadm.base.patterns import check_uuid

    machine = None if disk is not None else check_uuid(arguments[0])
    compression = _compression(options)
    url, template = options.text("-p"), options.text("-o")
    if url and template:
        raise UsageError("cannot specify both -o,--output-template and -p,--publish")
    wanted = _wanted(options, arguments if disk is not None else arguments[1:])
    if compression.name == "zstd":
        context.warn("the first imgadm, written in JavaScript, can't install zstd images")

    from imgadm.cli.output.create_view import CreateView
    from imgadm.operations.creating.save_image import FileDestination

    with ExitStack() as stack:
        view = stack.enter_context(CreateView(context, quiet=options.flag("-q")))
        destination: Destination
        if url:
            destination = _server(context, options, url, compression, view, stack)
        else:
            destination = FileDestination(
                template, wanted.fields, compression, view, overwrite=options.flag("--overwrite")
            )
        if disk is not None:
            create_from_disk(context, options, disk, wanted, destination, view)
        elif machine is not None:
            _create(context, options, machine, wanted, destination, view)
    return 0


def _server(
    context: Context,
    options: Options,
    url: str,
    compression: Compression,
    view: CreateView,
    stack: ExitStack,
) -> Destination:
    from imgadm.cli.session import open_repository
    from imgadm.operations.publishing.publish_destination import PublishDestination

    repository = open_repository(
        context,
        url,
        insecure=options.flag("--insecure"),
        token_file=options.text("--token-file"),
    )
    return PublishDestination(stack.enter_context(repository), compression, view)


def _compression(options: Options) -> Compression:
    from imgadm.operations.creating.save_image import Compression

    name, level = options.text("-c") or "none", options.number("--level")
    if name not in COMPRESSIONS:
        choices = ", ".join(_QUOTED_COMPRESSIONS)
        raise UsageError(f'invalid -c,--compression "{name}": must be one of {choices}')
    compression = Compression(name, level)
    try:
        compression.stages()
    except ValueError as error:
        raise UsageError(f"invalid --level: {error}") from error
    return compression


def _wanted(options: Options, arguments: list[str]) -> WantedImage:
    from imgadm.operations.creating.plan_image import WantedImage
    from imgadm.operations.creating.prepare_machine import read_script
    from imgadm.operations.manifest_fields import parse_fields, read_fields

    depth = options.number("--max-origin-depth")
    if depth is not None and depth < 2:
        raise UsageError(f'invalid max-origin-depth "{depth}": must be greater than 1')
    fields = parse_fields(arguments)
    if manifest := options.text("-m"):
        fields = {**read_fields(manifest), **fields}
    script = options.text("-s")
    return WantedImage(
        fields=fields,
        incremental=options.flag("-i"),
        max_origin_depth=depth,
        script=None if script is None else read_script(script),
    )


def _create(
    context: Context,
    options: Options,
    machine: str,
    wanted: WantedImage,
    destination: Destination,
    view: CreateView,
) -> None:
    from imgadm.machines import open_datasets, open_machines
    from imgadm.operations.creating.create_image import CreateOptions, Host, create_image
    from imgadm.pools import open_pool

    host = Host(open_machines(), open_datasets(), lambda name: open_pool(context.settings, name))
    create_image(
        host,
        machine,
        CreateOptions(
            locks=locks_for(context, options),
            journals=context.settings.root / "creating",
            wanted=wanted,
        ),
        destination,
        view,
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
        MANIFEST,
        OUTPUT,
        OVERWRITE,
        COMPRESSION,
        LEVEL,
        INCREMENTAL,
        DEPTH,
        SCRIPT,
        PUBLISH,
        INSECURE,
        TOKEN_FILE,
        CREATE_FROM,
        FORMAT,
        BLOCK_SIZE,
        POOL,
        QUIET,
        NO_WAIT,
    ),
    sections=(MACHINES, DISKS, FIELDS),
    run=run,
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
