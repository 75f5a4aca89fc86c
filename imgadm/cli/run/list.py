"""The work of ``imgadm list``: the installed images."""

from __future__ import annotations

import sys
from pathlib import Path

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
    _warn_of_missing_directory(context)
    images = list_images(context.pools(), filters, None if as_docker else listing.fields)
    if as_docker:
        listing.show_docker(images)
    else:
        listing.show(images)
    return 0


def _warn_of_missing_directory(context: RunContext) -> None:
    """Warn an operator at a terminal who may have mistyped the path of a directory pool."""
    pool = context.options.text("-P") or ""
    if "/" in pool and sys.stderr.isatty() and not Path(pool).exists():
        context.warn(f'the directory pool "{pool}" does not exist, so it has no images')
