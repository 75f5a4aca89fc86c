"""The declaration of ``imgadm get``."""

from __future__ import annotations

from imgadm.cli.command import Command, ConfigurationUse, Example
from imgadm.cli.options import Option
from imgadm.cli.shared_options import HELP, POOL

_CHILDREN = Option(("-r",), "Add the snapshots and the clones of the image as `children`.")

COMMAND = Command(
    name="get",
    summary="Show all facts about an installed image",
    synopses=("get [<options>] <uuid>",),
    description="Print the manifest of an installed image, its pool and its source, as JSON. The "
    "exit status is 3 if the image is not installed.",
    options=(HELP, POOL, _CHILDREN),
    configuration=ConfigurationUse.OPTIONAL,
    examples=(
        Example(
            "imgadm get -r 01b2c898-945f-11e1-a523-af1afbe22822",
            "Which machines were made from this image?",
        ),
    ),
)
