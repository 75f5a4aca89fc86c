"""``imgadm list``: the installed images."""

from __future__ import annotations

from imgadm.cli.command import Command, ConfigurationUse, Context, Example
from imgadm.cli.listing import FIELDS, FILTERS, LISTING_OPTIONS, Listing
from imgadm.cli.options import Option, Options
from imgadm.cli.shared_options import HELP, POOL

DOCKER = Option(("--docker",), "List tagged Docker images only, as the docker command does.")


def run(context: Context, options: Options, arguments: list[str]) -> int:
    from imgadm.operations.filters import parse_filters
    from imgadm.operations.list_images import list_images
    from imgadm.pools import host_pools, open_pool

    listing = Listing(options)
    filters = dict(parse_filters(arguments))
    if options.flag("--docker"):
        filters["type"] = "docker"
    pool = options.text("-P")
    pools = [open_pool(context.settings, pool)] if pool else host_pools(context.settings)
    images = list_images(pools, filters)
    if options.flag("--docker"):
        listing.show_docker(images)
    else:
        listing.show(images)
    return 0


COMMAND = Command(
    name="list",
    summary="List installed images",
    synopses=("list [<options>] [<filters>]",),
    description="List the images that are installed on this host, on all its pools.",
    options=(HELP, *LISTING_OPTIONS, POOL, DOCKER),
    sections=(
        FIELDS,
        FILTERS,
    ),
    run=run,
    configuration=ConfigurationUse.OPTIONAL,
    examples=(
        Example("imgadm list os=linux -o uuid,name,size,clones", "What takes the space?"),
        Example("imgadm list -H -o uuid clones=0", "UUIDs of the images that nothing is based on"),
    ),
)
