"""The work of ``imgadm publish``: send an image from local files to an image server."""

from __future__ import annotations

from pathlib import Path

from imgadm.cli.arguments import required_text, single_argument
from imgadm.cli.context import RunContext
from imgadm.cli.output.transfer_view import choose_view
from imgadm.cli.run.publish_server import open_repository
from imgadm.cli.shared_options import FILE, MANIFEST
from imgadm.operations.publishing.publish_files import publish_files


def run(context: RunContext) -> int:
    """Publish the image to the server that the argument names."""
    options = context.options
    url = single_argument(context.arguments)
    manifest, file = (required_text(context, option) for option in (MANIFEST, FILE))
    with (
        open_repository(context, url) as repository,
        choose_view(
            "publish", quiet=options.flag("--quiet"), as_json=options.flag("--json")
        ) as view,
    ):
        publish_files(repository, Path(manifest), Path(file), view, name=file)
    return 0
