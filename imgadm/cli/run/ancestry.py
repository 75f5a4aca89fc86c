"""The work of ``imgadm ancestry``: an installed image and all images below it."""

from __future__ import annotations

from imgadm.cli.arguments import uuid_argument
from imgadm.cli.commands.ancestry import ANCESTRY_COLUMNS
from imgadm.cli.context import RunContext
from imgadm.cli.output.listing import Listing
from imgadm.operations.listing.installed_ancestry import installed_ancestry


def run(context: RunContext) -> int:
    """Print the image and its ancestry."""
    uuid = uuid_argument(context.arguments)
    listing = Listing(context.options, columns=ANCESTRY_COLUMNS, sort=None)
    listing.show(installed_ancestry(context.pool(), uuid))
    return 0
