"""``imgadm update``: what is recorded of installed images, as the sources have it now."""

from __future__ import annotations

from imgadm.cli.command import Command, ConfigurationUse, Example
from imgadm.cli.options import Option
from imgadm.cli.shared_options import HELP, NO_WAIT, POOL

_DRY_RUN = Option(("-n", "--dry-run"), "Say what would change, and change nothing.")

COMMAND = Command(
    name="update",
    summary="Update what is recorded of installed images from the sources",
    synopses=("update [<options>] [<uuid>...]",),
    description="Look the installed images up in the sources, on all pools of this host, or only "
    "those that are named, and record the manifests that the sources have now. An image of which "
    "nothing was recorded gets its manifest, and the snapshot that an image was installed with is "
    "called @final again if it is called otherwise. The images themselves stay as they are. One "
    "that cannot be updated does not keep the others from it.",
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
