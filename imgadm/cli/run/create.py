"""The work of ``imgadm create``: an image from a virtual machine of this host, or from a disk."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from imgadm.base.compressions import COMPRESSIONS
from imgadm.base.errors import UsageError
from imgadm.base.patterns import check_uuid
from imgadm.cli.context import RunContext
from imgadm.cli.options import Options
from imgadm.cli.output.create_view import CreateView
from imgadm.cli.run.disks import given_disk
from imgadm.cli.run.publish_server import open_repository
from imgadm.machines import open_datasets, open_machines
from imgadm.operations.creating.create_disk_image import CreateDiskOptions, create_disk_image
from imgadm.operations.creating.create_image import CreateOptions, Host, create_image
from imgadm.operations.creating.plan_image import WantedImage
from imgadm.operations.creating.prepare_machine import read_script
from imgadm.operations.creating.save_image import Compression, Destination, FileDestination
from imgadm.operations.disk_images import DiskToImage, is_url
from imgadm.operations.manifest_fields import parse_fields, read_fields
from imgadm.operations.publishing.publish_destination import PublishDestination
from imgadm.pools import open_pool


def run(context: RunContext) -> int:
    """Create the image, as files or on an image server."""
    options, arguments = context.options, context.arguments
    disk = given_disk(options)
    if not arguments and disk is None:
        raise UsageError('incorrect number of args (0): ""', synopsis_helps=True)
    machine = None if disk is not None else check_uuid(arguments[0])
    compression = _compression(options)
    url, template = options.text("-p"), options.text("-o")
    if url and template:
        raise UsageError("cannot specify both -o,--output-template and -p,--publish")
    wanted = _wanted(options, arguments if disk is not None else arguments[1:])
    if compression.name == "zstd":
        context.warn("SmartOS imgadm cannot install zstd images")
    with ExitStack() as stack:
        view = stack.enter_context(CreateView(context, quiet=options.flag("-q")))
        destination: Destination
        if url:
            repository = stack.enter_context(open_repository(context, url))
            destination = PublishDestination(repository, compression, view)
        else:
            destination = FileDestination(
                template, wanted.fields, compression, view, overwrite=options.flag("--overwrite")
            )
        if disk is not None:
            _create_from_disk(context, disk, wanted, destination, view)
        elif machine is not None:
            _create_from_machine(context, machine, wanted, destination, view)
    return 0


def _compression(options: Options) -> Compression:
    name, level = options.text("-c") or "none", options.number("--level")
    if name not in COMPRESSIONS:
        choices = ", ".join(f'"{choice}"' for choice in COMPRESSIONS)
        raise UsageError(f'invalid -c,--compression "{name}": must be one of {choices}')
    if name == "none" and level is not None:
        raise UsageError("--level needs -c: without it, the image file is not compressed")
    compression = Compression(name, level)
    try:
        compression.stages()
    except ValueError as error:
        raise UsageError(f"invalid --level: {error}") from error
    return compression


def _wanted(options: Options, arguments: Sequence[str]) -> WantedImage:
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


def _create_from_machine(
    context: RunContext,
    machine: str,
    wanted: WantedImage,
    destination: Destination,
    view: CreateView,
) -> None:
    settings = context.settings
    create_image(
        Host(open_machines(), open_datasets(), lambda name: open_pool(settings, name)),
        machine,
        CreateOptions(locks=context.locks(), journals=settings.root / "creating", wanted=wanted),
        destination,
        view,
    )


def _create_from_disk(
    context: RunContext,
    disk: DiskToImage,
    wanted: WantedImage,
    destination: Destination,
    view: CreateView,
) -> None:
    if wanted.script is not None:
        raise UsageError("-s runs a script in a machine: leave it out with --disk")
    if is_url(disk.location):
        raise UsageError("--disk takes no URL here: save the disk to a file first")
    create_disk_image(
        context.pool,
        CreateDiskOptions(disk=disk, wanted=wanted, locks=context.locks()),
        destination,
        view,
    )
