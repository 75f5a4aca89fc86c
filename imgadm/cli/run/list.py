"""The work of ``imgadm list``: the installed images."""

from __future__ import annotations

from imgadm.cli.context import RunContext
from imgadm.cli.output.listing import Listing, collect_no_garbage
from imgadm.operations.listing.filters import parse_filters
from imgadm.operations.listing.list_images import list_images


def run(context: RunContext) -> int:
    """Print the installed images that match the filters."""
    collect_no_garbage()
    listing = Listing(context.options)
    filters = dict(parse_filters(context.arguments))
    as_docker = context.options.flag("--docker")
    if as_docker:
        filters["type"] = "docker"
    images = list_images(context.pools(), filters, None if as_docker else listing.fields)
    if as_docker:
        listing.show_docker(images)
    else:
        listing.show(images)
    return 0
