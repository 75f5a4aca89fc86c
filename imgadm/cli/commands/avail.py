"""The declaration of ``imgadm avail``."""

from __future__ import annotations

from imgadm.cli.command import Command, ConfigurationUse, Example
from imgadm.cli.reference.sections import FILTER_SECTION, LISTED_FIELDS_SECTION
from imgadm.cli.shared_options import HELP, LISTING_OPTIONS

COMMAND = Command(
    name="avail",
    summary="List the images in the sources",
    synopses=("avail [<options>] [<filters>]",),
    description="List the images that can be imported from the configured sources.",
    options=(HELP, *LISTING_OPTIONS),
    sections=(LISTED_FIELDS_SECTION, FILTER_SECTION),
    configuration=ConfigurationUse.REQUIRED,
    examples=(
        Example("imgadm avail os=linux type=zvol", "Linux images for hardware virtual machines"),
        Example("imgadm avail name=~debian -s -published_at", "Debian images, the newest first"),
    ),
)
