"""The work of ``imgadm install``: an image from local files, or from a disk."""

from __future__ import annotations

from pathlib import Path

from imgadm.base.errors import UsageError
from imgadm.cli.arguments import required_text
from imgadm.cli.context import RunContext
from imgadm.cli.output.transfer_view import View, choose_view
from imgadm.cli.run.disks import given_disk, session_for
from imgadm.cli.shared_options import FILE, MANIFEST
from imgadm.operations.disk_images import DiskToImage
from imgadm.operations.importing.import_steps import ImportOptions
from imgadm.operations.installing.install_disk import install_disk
from imgadm.operations.installing.install_image import install_image
from imgadm.operations.manifest_fields import parse_fields, read_fields


def run(context: RunContext) -> int:
    """Install the image, or the disk, that the options name."""
    options, arguments = context.options, context.arguments
    disk = given_disk(options)
    if disk is not None:
        _install_disk(context, disk)
        return 0
    if arguments:
        raise UsageError(
            f'unexpected args ({len(arguments)}): "{" ".join(arguments)}"', synopsis_helps=True
        )
    pool = context.pool()
    manifest, file = (Path(required_text(context, option)) for option in (MANIFEST, FILE))
    with _view(context) as view:
        install_image(pool, manifest, file, ImportOptions(locks=context.locks()), view)
    return 0


def _install_disk(context: RunContext, disk: DiskToImage) -> None:
    options = context.options
    if options.text("-f"):
        raise UsageError("-f names the file of an image, and --disk a disk: give only one of them")
    fields = parse_fields(context.arguments)
    if manifest := options.text("-m"):
        fields = {**read_fields(manifest), **fields}
    with _view(context) as view:
        install_disk(
            context.pool(),
            disk,
            fields,
            ImportOptions(locks=context.locks()),
            view,
            open_session=lambda url: session_for(context, url),
        )


def _view(context: RunContext) -> View:
    options = context.options
    return choose_view("install", quiet=options.flag("--quiet"), as_json=options.flag("--json"))
