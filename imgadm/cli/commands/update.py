"""The declaration of ``imgadm update``."""

from __future__ import annotations

from imgadm.cli.command import Command, ConfigurationUse, Example
from imgadm.cli.options import Option
from imgadm.cli.shared_options import HELP, NO_WAIT, POOL

_DRY_RUN = Option(("-n", "--dry-run"), "Print what would change, and change nothing.")

COMMAND = Command(
    name="update",
    summary="Update the records of installed images from the sources",
    synopses=("update [<options>] [<uuid>...]",),
    description="Ask the sources for the installed images of all pools, or only for the named "
    "ones, and record the manifests that the sources have now. An image without a record gets "
    "one. If the snapshot that an image was installed with has another name, it is renamed to "
    "@final. The content of images stays as it is. An image that cannot be updated does not stop "
    "the update of the others.",
    options=(HELP, _DRY_RUN, POOL, NO_WAIT),
    configuration=ConfigurationUse.REQUIRED,
    examples=(
        Example("imgadm update -n", "What has changed in the sources?"),
        Example(
            "imgadm update 01b2c898-945f-11e1-a523-af1afbe22822",
            "Bring the record of one image up to date",
        ),
    ),
)
