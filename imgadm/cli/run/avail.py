"""The work of ``imgadm avail``: the images that the sources offer."""

from __future__ import annotations

import os
import sys

from imgadm.base.settings import patience
from imgadm.cli.context import RunContext
from imgadm.cli.output.listing import Listing, collect_no_garbage
from imgadm.cli.output.waiting import slow_source_warning
from imgadm.operations.ask_servers import combined
from imgadm.operations.listing.avail_images import avail_images
from imgadm.operations.listing.filters import parse_filters


def run(context: RunContext) -> int:
    """Print the images of all sources; fail at the end if a source has failed."""
    collect_no_garbage()
    listing = Listing(context.options)
    filters = parse_filters(context.arguments)
    offer = avail_images(
        context.sources(),
        filters,
        on_slow=slow_source_warning(context),
        seconds=patience(os.environ),
    )
    listing.show(offer.images)
    if sys.stderr.isatty() and all(
        config.type == "docker" for config in context.configuration.sources
    ):
        context.warn(
            'registries do not list their images: name one, as in "imgadm show busybox:latest"'
        )
    if offer.failures:
        raise combined(offer.failures)
    return 0
