"""The declaration of ``imgadm show``."""

from __future__ import annotations

from imgadm.cli.command import Command, ConfigurationUse, Example
from imgadm.cli.shared_options import HELP, PLATFORM

COMMAND = Command(
    name="show",
    summary="Show the manifest of an available image",
    synopses=("show <uuid>", "show [<options>] <repository>[:<tag>|@<digest>]"),
    description="Print the manifest of an image in one of the sources, as JSON. For an image in a "
    "Docker registry, print the manifest that its top layer would get on import.",
    options=(HELP, PLATFORM),
    configuration=ConfigurationUse.REQUIRED,
    examples=(
        Example("imgadm show 01b2c898-945f-11e1-a523-af1afbe22822", "What does the image require?"),
    ),
)
