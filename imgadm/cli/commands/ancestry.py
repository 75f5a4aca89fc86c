"""The declaration of ``imgadm ancestry``."""

from __future__ import annotations

from imgadm.cli.command import Command, ConfigurationUse, Example
from imgadm.cli.reference.sections import LISTED_FIELDS_SECTION
from imgadm.cli.shared_options import HELP, JSON, NO_HEADER, POOL, columns_option

ANCESTRY_COLUMNS = "uuid,name,version,published"

COMMAND = Command(
    name="ancestry",
    summary="List an installed image and all images below it",
    synopses=("ancestry [<options>] <uuid>",),
    description="List an installed image, the image that it is based on, and so on down to the "
    "base image. The exit status is 3 if one of them is not installed.",
    options=(HELP, JSON, NO_HEADER, columns_option(ANCESTRY_COLUMNS), POOL),
    sections=(LISTED_FIELDS_SECTION,),
    configuration=ConfigurationUse.OPTIONAL,
    examples=(
        Example(
            "imgadm ancestry -H -o uuid 01b2c898-945f-11e1-a523-af1afbe22822",
            "UUIDs of the image and of all images that it needs",
        ),
    ),
)
