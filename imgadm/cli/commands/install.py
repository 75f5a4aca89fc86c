"""``imgadm install``: an image from a manifest and a file on this host."""

from __future__ import annotations

from imgadm.cli.command import Command, ConfigurationUse, Context, Example
from imgadm.cli.options import Options
from imgadm.cli.shared_options import (
    EVENTS,
    FILE,
    HELP,
    MANIFEST,
    NO_WAIT,
    POOL,
    QUIET,
    required_text,
)
from imgadm.errors import UsageError


def run(context: Context, options: Options, arguments: list[str]) -> int:
    from pathlib import Path

    from imgadm.cli.transfer_view import choose_view
    from imgadm.operations.checks import ImportOptions
    from imgadm.operations.install_image import install_image
    from imgadm.pools import open_pool

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
                lock_directory=context.settings.lock_directory,
                command=context.command_line,
                wait=not options.flag("--no-wait"),
            ),
            view,
        )
    return 0


COMMAND = Command(
    name="install",
    summary="Install an image from local files",
    synopses=("install [<options>] -m <manifest> -f <file>",),
    description="Install an image from its manifest and its file, a ZFS stream that may be "
    "compressed. Neither file is changed. What the image is based on must be installed.",
    options=(HELP, MANIFEST, FILE, POOL, QUIET, EVENTS, NO_WAIT),
    run=run,
    configuration=ConfigurationUse.OPTIONAL,
    examples=(
        Example(
            "imgadm install -m debian.imgmanifest -f debian.zvol.gz", "Install what a mirror keeps"
        ),
    ),
)
