"""``imgadm avail``: the images on offer."""

from __future__ import annotations

import os
import sys

from imgadm.cli.command import Command, ConfigurationUse, Context, Example
from imgadm.cli.options import Options
from imgadm.cli.output.listing import FIELDS, FILTERS, LISTING_OPTIONS, Listing, collect_no_garbage
from imgadm.cli.shared_options import HELP


def run(context: Context, options: Options, arguments: list[str]) -> int:
    collect_no_garbage()
    from imgadm.base.settings import patience
    from imgadm.cli.output.waiting import slow_source_warning
    from imgadm.cli.session import open_sources
    from imgadm.operations.in_parallel import combined
    from imgadm.operations.listing.avail_images import avail_images
    from imgadm.operations.listing.filters import parse_filters

    listing = Listing(options)
    filters = parse_filters(arguments)
    offer = avail_images(
        open_sources(context),
        filters,
        on_slow=slow_source_warning(context),
        seconds=patience(os.environ),
    )
    listing.show(offer.images)
    if sys.stderr.isatty() and all(
        config.type == "docker" for config in context.loaded_configuration().sources
    ):
        context.warn(
            'registries do not list their images: name one, as in "imgadm show busybox:latest"'
        )
    if offer.failures:
        raise combined(offer.failures)
    return 0


COMMAND = Command(
    name="avail",
    summary="List the images that sources offer",
    synopses=("avail [<options>] [<filters>]",),
    description="List the images that can be imported from the configured sources.",
    options=(HELP, *LISTING_OPTIONS),
    sections=(FIELDS, FILTERS),
    run=run,
    configuration=ConfigurationUse.REQUIRED,
    examples=(
        Example("imgadm avail os=linux type=zvol", "Linux images for hardware virtual machines"),
        Example("imgadm avail name=~debian -s -published_at", "Debian images, the newest first"),
    ),
)
