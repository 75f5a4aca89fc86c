"""The work of ``imgadm get``: all facts about one installed image."""

from __future__ import annotations

from imgadm.cli.arguments import uuid_argument
from imgadm.cli.context import RunContext
from imgadm.cli.output.listing import print_json
from imgadm.operations.listing.get_image import get_image


def run(context: RunContext) -> int:
    """Print manifest, pool and source of the image, and its children if wanted."""
    uuid = uuid_argument(context.arguments)
    print_json(get_image(context.pool(), uuid, with_children=context.options.flag("-r")))
    return 0
