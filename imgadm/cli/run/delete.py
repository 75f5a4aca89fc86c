"""The work of ``imgadm delete``: remove an installed image."""

from __future__ import annotations

from imgadm.cli.arguments import uuid_argument
from imgadm.cli.context import RunContext
from imgadm.cli.output.waiting import show_waiting
from imgadm.operations.upkeep.delete_image import delete_image


def run(context: RunContext) -> int:
    """Delete the image that the argument names."""
    uuid = uuid_argument(context.arguments)
    delete_image(
        context.pool(),
        uuid,
        context.locks(),
        on_wait=lambda holder: show_waiting(uuid, holder),
    )
    print(f"Deleted image {uuid}")
    return 0
