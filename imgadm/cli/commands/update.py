"""``imgadm update``: what is recorded of installed images, as the sources have it now."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from imgadm.base.text import printable
from imgadm.cli.command import Command, ConfigurationUse, Context, Example
from imgadm.cli.options import Option, Options
from imgadm.cli.shared_options import HELP, NO_WAIT, POOL, locks_for

if TYPE_CHECKING:
    from imgadm.operations.upkeep.update_notices import Notice

DRY_RUN = Option(("-n", "--dry-run"), "Say what would change, and change nothing.")


def run(context: Context, options: Options, arguments: list[str]) -> int:
    from imgadm.cli.session import open_sources
    from imgadm.operations.upkeep.update_images import UpdateOptions, update_images
    from imgadm.pools import host_pools, open_pool

    pool = options.text("-P")
    update_images(
        [open_pool(context.settings, pool)] if pool else host_pools(context.settings),
        arguments,
        partial(open_sources, context),
        UpdateOptions(
            locks=locks_for(context, options),
            dry_run=options.flag("--dry-run"),
        ),
        partial(_show, context),
    )
    return 0


def _show(context: Context, notice: Notice) -> None:
    from imgadm.cli.output.waiting import show_waiting
    from imgadm.operations import events
    from imgadm.operations.upkeep import update_notices as notices

    match notice:
        case notices.ManifestAdded(uuid, url):
            print(f'Added manifest info for image {uuid} from "{url}"', flush=True)
        case notices.ManifestUpdated(uuid, url, fields):
            count = f"{len(fields)} manifest field{'' if len(fields) == 1 else 's'}"
            names = ", ".join(map(printable, fields))
            print(f'Updated {count} for image {uuid} from "{url}": {names}', flush=True)
        case notices.SnapshotRenamed(uuid, old, new):
            print(f"Renamed image {uuid} original snapshot from {old} to {new}", flush=True)
        case notices.NotInSources(uuid):
            reason = f"Could not find image {uuid} in image sources"
            print(f"warning: {reason} (skipping)", flush=True)
        case notices.OriginalUnknown(uuid):
            reason = f'cannot determine original snapshot for image "{uuid}"'
            print(
                f'imgadm: warn: {reason} (source info has no "dataset_guid")',
                file=sys.stderr,
                flush=True,
            )
        case events.SourceFailed(message) | notices.OtherImage(message=message):
            context.warn(message)
        case events.LockAwaited(uuid, holder):
            show_waiting(uuid, holder)


COMMAND = Command(
    name="update",
    summary="Update what is recorded of installed images from the sources",
    synopses=("update [<options>] [<uuid>...]",),
    description="Look the installed images up in the sources, on all pools of this host, or only "
    "those that are named, and record the manifests that the sources have now. An image of which "
    "nothing was recorded gets its manifest, and the snapshot that an image was installed with is "
    "called @final again if it is called otherwise. The images themselves stay as they are. One "
    "that cannot be updated does not keep the others from it.",
    options=(HELP, DRY_RUN, POOL, NO_WAIT),
    run=run,
    configuration=ConfigurationUse.REQUIRED,
    examples=(
        Example("imgadm update -n", "What has changed in the sources?"),
        Example(
            "imgadm update 01b2c898-945f-11e1-a523-af1afbe22822",
            "Bring the record of one image up to date",
        ),
    ),
)
