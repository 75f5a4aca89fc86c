"""``imgadm delete``: remove an installed image."""

from __future__ import annotations

from imgadm.cli.command import Command, ConfigurationUse, Context, Example
from imgadm.cli.options import Options
from imgadm.cli.output.waiting import show_waiting
from imgadm.cli.shared_options import HELP, NO_WAIT, POOL, locks_for, uuid_argument


def run(context: Context, options: Options, arguments: list[str]) -> int:
    uuid = uuid_argument(arguments)

    from imgadm.operations.upkeep.delete_image import delete_image
    from imgadm.pools import open_pool

    delete_image(
        open_pool(context.settings, options.text("-P") or None),
        uuid,
        locks_for(context, options),
        on_wait=lambda holder: show_waiting(uuid, holder),
    )
    print(f"Deleted image {uuid}")
    return 0


COMMAND = Command(
    name="delete",
    summary="Remove an installed image",
    synopses=("delete [<options>] <uuid>",),
    description="Remove an image from this host. An image that other images or machines are based "
    "on stays, and so does everything that is not an image.",
    options=(HELP, POOL, NO_WAIT),
    run=run,
    configuration=ConfigurationUse.OPTIONAL,
    examples=(
        Example("imgadm delete 01b2c898-945f-11e1-a523-af1afbe22822", "Free the image's space"),
    ),
)
