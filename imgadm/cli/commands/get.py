"""``imgadm get``: what is known about one installed image."""

from __future__ import annotations

from imgadm.cli.command import Command, ConfigurationUse, Context, Example
from imgadm.cli.options import Option, Options
from imgadm.cli.shared_options import HELP, POOL, uuid_argument

CHILDREN = Option(("-r",), "Add the snapshots and clones of the image, as `children`.")


def run(context: Context, options: Options, arguments: list[str]) -> int:
    uuid = uuid_argument(arguments)

    from imgadm.cli.output.listing import print_json
    from imgadm.operations.listing.get_image import get_image
    from imgadm.pools import open_pool

    pool = open_pool(context.settings, options.text("-P") or None)
    print_json(get_image(pool, uuid, with_children=options.flag("-r")))
    return 0


COMMAND = Command(
    name="get",
    summary="Show what is known about an installed image",
    synopses=("get [<options>] <uuid>",),
    description="Print the manifest of an installed image, its pool and its source, as JSON. The "
    "exit status is 3 if the image is not installed.",
    options=(HELP, POOL, CHILDREN),
    run=run,
    configuration=ConfigurationUse.OPTIONAL,
    examples=(
        Example(
            "imgadm get -r 01b2c898-945f-11e1-a523-af1afbe22822",
            "Which machines were made from this image?",
        ),
    ),
)
