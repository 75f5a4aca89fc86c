"""``imgadm ancestry``: an installed image and all that it is based on."""

from __future__ import annotations

from imgadm.cli.command import Command, ConfigurationUse, Context, Example
from imgadm.cli.options import Options
from imgadm.cli.output.listing import FIELDS, Listing
from imgadm.cli.shared_options import HELP, JSON, NO_HEADER, POOL, columns_option, uuid_argument

COLUMNS = "uuid,name,version,published"


def run(context: Context, options: Options, arguments: list[str]) -> int:
    uuid = uuid_argument(arguments)

    from imgadm.operations.listing.installed_ancestry import installed_ancestry
    from imgadm.pools import open_pool

    listing = Listing(options, columns=COLUMNS, sort=None)
    pool = open_pool(context.settings, options.text("-P") or None)
    listing.show(installed_ancestry(pool, uuid))
    return 0


COMMAND = Command(
    name="ancestry",
    summary="List an installed image and what it is based on",
    synopses=("ancestry [<options>] <uuid>",),
    description="List an installed image, the image that it is based on, and so on down to the "
    "base, as their records tell. The exit status is 3 if one of them is not installed.",
    options=(HELP, JSON, NO_HEADER, columns_option(COLUMNS), POOL),
    sections=(FIELDS,),
    run=run,
    configuration=ConfigurationUse.OPTIONAL,
    examples=(
        Example(
            "imgadm ancestry -H -o uuid 01b2c898-945f-11e1-a523-af1afbe22822",
            "UUIDs of the image and of all that it needs",
        ),
    ),
)
