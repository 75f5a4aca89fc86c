"""``imgadm install``: an image from a manifest and a file on this host, or from a disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgadm.base.errors import UsageError
from imgadm.cli.command import Command, ConfigurationUse, Context, Example
from imgadm.cli.disk_options import BLOCK_SIZE, FORMAT, INSTALL_FROM, given_disk, session_for
from imgadm.cli.options import Options
from imgadm.cli.shared_options import (
    EVENTS,
    FILE,
    HELP,
    MANIFEST,
    NO_WAIT,
    POOL,
    QUIET,
    locks_for,
    required_text,
)

if TYPE_CHECKING:
    from imgadm.operations.disk_images import DiskToImage


def run(context: Context, options: Options, arguments: list[str]) -> int:
    from pathlib import Path

    from imgadm.cli.output.transfer_view import choose_view
    from imgadm.operations.importing.import_options import ImportOptions
    from imgadm.operations.installing.install_image import install_image
    from imgadm.pools import open_pool

    disk = given_disk(options)
    if disk is not None:
        return _install_disk(context, options, disk, arguments)
    if arguments:
        raise UsageError(f'unexpected args ({len(arguments)}): "{" ".join(arguments)}"')
    pool = open_pool(context.settings, options.text("-P") or None)
    manifest, file = (Path(required_text(options, option)) for option in (MANIFEST, FILE))
    with choose_view(
        "install", quiet=options.flag("--quiet"), as_json=options.flag("--json")
    ) as view:
        install_image(
            pool,
            manifest,
            file,
            ImportOptions(
                locks=locks_for(context, options),
            ),
            view,
        )
    return 0


def _install_disk(
    context: Context, options: Options, disk: DiskToImage, arguments: list[str]
) -> int:
    from imgadm.cli.output.transfer_view import choose_view
    from imgadm.operations.importing.import_options import ImportOptions
    from imgadm.operations.installing.install_disk import install_disk
    from imgadm.operations.manifest_fields import parse_fields, read_fields
    from imgadm.pools import open_pool

    if options.text("-f"):
        raise UsageError("-f is the file of an image, --disk a disk: only one can be installed")
    fields = parse_fields(arguments)
    if manifest := options.text("-m"):
        fields = {**read_fields(manifest), **fields}
    with choose_view(
        "install", quiet=options.flag("--quiet"), as_json=options.flag("--json")
    ) as view:
        install_disk(
            open_pool(context.settings, options.text("-P") or None),
            disk,
            fields,
            ImportOptions(
                locks=locks_for(context, options),
            ),
            view,
            open_session=lambda url: session_for(context, url),
        )
    return 0


COMMAND = Command(
    name="install",
    summary="Install an image from local files, or a disk",
    synopses=(
        "install [<options>] -m <manifest> -f <file>",
        "install [<options>] --disk <disk> <field>=<value>...",
    ),
    description="Install an image from its manifest and its file, a ZFS stream that may be "
    "compressed. Neither file is changed. What the image is based on must be installed. With "
    "--disk, a disk becomes an image of type zvol in one pass, with nothing stored in between; its "
    "manifest is made from the fields, of which name, version and os are needed (-m may name a "
    "file of more).",
    options=(
        HELP,
        MANIFEST,
        FILE,
        INSTALL_FROM,
        FORMAT,
        BLOCK_SIZE,
        POOL,
        QUIET,
        EVENTS,
        NO_WAIT,
    ),
    run=run,
    configuration=ConfigurationUse.OPTIONAL,
    examples=(
        Example(
            "imgadm install -m debian.imgmanifest -f debian.zvol.gz", "Install what a mirror keeps"
        ),
        Example(
            "imgadm install --disk https://example.com/debian-12.raw.xz "
            "name=debian version=12 os=linux",
            "A disk from the web, straight into the pool",
        ),
    ),
)
