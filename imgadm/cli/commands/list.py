"""The declaration of ``imgadm list``."""

from __future__ import annotations

from imgadm.cli.command import Command, ConfigurationUse, Example
from imgadm.cli.options import Option
from imgadm.cli.reference.sections import FILTER_SECTION, LISTED_FIELDS_SECTION
from imgadm.cli.shared_options import HELP, LISTING_OPTIONS, POOL

_DOCKER = Option(
    ("--docker",), "List only tagged Docker images, with the columns of the docker command."
)

COMMAND = Command(
    name="list",
    summary="List installed images",
    synopses=("list [<options>] [<filters>]",),
    description="List the images that are installed on this host, on all its pools.",
    options=(HELP, *LISTING_OPTIONS, POOL, _DOCKER),
    sections=(LISTED_FIELDS_SECTION, FILTER_SECTION),
    configuration=ConfigurationUse.OPTIONAL,
    examples=(
        Example(
            "imgadm list os=linux -o uuid,name,size,clones",
            "Which images take space, and how many clones have they?",
        ),
        Example("imgadm list -H -o uuid clones=0", "UUIDs of the images that nothing is based on"),
    ),
)
