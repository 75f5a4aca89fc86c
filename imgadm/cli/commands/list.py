"""``imgadm list``: the installed images."""

from __future__ import annotations

from imgadm.cli.command import Command, ConfigurationUse, Context, Example
from imgadm.cli.options import Option, Options
from imgadm.cli.output.listing import FIELDS, FILTERS, LISTING_OPTIONS, Listing, collect_no_garbage
from imgadm.cli.shared_options import HELP, POOL

DOCKER = Option(("--docker",), "List tagged Docker images only, as the docker command does.")


def run(context: Context, options: Options, arguments: list[str]) -> int:
    collect_no_garbage()
    from imgadm.operations.listing.filters import parse_filters
    from imgadm.operations.listing.list_images import list_images
    from imgadm.pools import host_pools, open_pool

    listing = Listing(options)
    filters = dict(parse_filters(arguments))
    if options.flag("--docker"):
        filters["type"] = "docker"
    pool = options.text("-P")
    pools = [open_pool(context.settings, pool)] if pool else host_pools(context.settings)
    as_docker = options.flag("--docker")
    images = list_images(pools, filters, None if as_docker else listing.fields)
    if as_docker:
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
