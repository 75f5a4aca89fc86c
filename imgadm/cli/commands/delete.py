"""The declaration of ``imgadm delete``."""

from __future__ import annotations

from imgadm.cli.command import Command, ConfigurationUse, Example
from imgadm.cli.shared_options import HELP, NO_WAIT, POOL

COMMAND = Command(
    name="delete",
    summary="Remove an installed image",
    synopses=("delete [<options>] <uuid>",),
    description="Remove an image from this host. An image that other images or machines are based "
    "on is not removed. Neither is a dataset that is not an image.",
    options=(HELP, POOL, NO_WAIT),
    configuration=ConfigurationUse.OPTIONAL,
    examples=(
        Example("imgadm delete 01b2c898-945f-11e1-a523-af1afbe22822", "Free the image's space"),
    ),
)
