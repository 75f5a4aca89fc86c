"""The work of ``imgadm update``: record the manifests of installed images as sources have them."""

from __future__ import annotations

import sys
from functools import partial

from imgadm.base.text import printable
from imgadm.cli.context import RunContext
from imgadm.cli.output.waiting import show_waiting
from imgadm.operations.events.event import Event, LockAwaited, SourceFailed
from imgadm.operations.events.upkeep import (
    ManifestAdded,
    ManifestUpdated,
    NotInSources,
    OriginalUnknown,
    OtherImage,
    SnapshotRenamed,
)
from imgadm.operations.upkeep.update_images import UpdateOptions, update_images


def run(context: RunContext) -> int:
    """Update the images that the arguments name, or else all."""
    update_images(
        context.pools(),
        context.arguments,
        context.sources,
        UpdateOptions(locks=context.locks(), dry_run=context.options.flag("--dry-run")),
        partial(_show, context),
    )
    return 0


def _show(context: RunContext, event: Event) -> None:
    """Print one event of an update."""
    match event:
        case ManifestAdded(uuid, url):
            print(f'Added manifest info for image {uuid} from "{url}"', flush=True)
        case ManifestUpdated(uuid, url, fields):
            count = f"{len(fields)} manifest field{'' if len(fields) == 1 else 's'}"
            names = ", ".join(map(printable, fields))
            print(f'Updated {count} for image {uuid} from "{url}": {names}', flush=True)
        case SnapshotRenamed(uuid, old, new):
            print(f"Renamed image {uuid} original snapshot from {old} to {new}", flush=True)
        case NotInSources(uuid):
            reason = f"Could not find image {uuid} in image sources"
            print(f"warning: {reason} (skipping)", flush=True)
        case OriginalUnknown(uuid):
            reason = f'cannot determine original snapshot for image "{uuid}"'
            print(
                f'imgadm: warn: {reason} (source info has no "dataset_guid")',
                file=sys.stderr,
                flush=True,
            )
        case SourceFailed(message) | OtherImage(message=message):
            context.warn(message)
        case LockAwaited(uuid, holder):
            show_waiting(uuid, holder)
