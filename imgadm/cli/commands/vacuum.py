"""``imgadm vacuum``: remove the installed images that nothing uses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imgadm.base.errors import DeclinedError, UsageError
from imgadm.cli.command import Command, ConfigurationUse, Context, Example, Section
from imgadm.cli.options import Kind, Option, Options
from imgadm.cli.shared_options import HELP, NO_WAIT, POOL, locks_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imgadm.base.locks.terms import Locks
    from imgadm.operations.upkeep.vacuum_images import Candidate, Event
    from imgadm.pools.base import InstalledImage

DRY_RUN = Option(("-n", "--dry-run"), "Only print what would be deleted, and ask nothing.")
FORCE = Option(("-f", "--force"), "Delete without asking.")
AGE = Option(
    ("-t",),
    "Keep images that were installed less than that long ago: a number of s, m, h, d or w, as in "
    "2d.",
    kind=Kind.TEXT,
    placeholder="<age>",
)
EXCLUDED = Option(
    ("-x",),
    "Keep this image, and what it is based on. May be given more than once.",
    kind=Kind.TEXTS,
    placeholder="<uuid>",
)
RECORDS = Option(
    ("--records",),
    "Also remove records of images that are no longer on their zpool, since something else than "
    "imgadm has destroyed them.",
)

_AGE = re.compile(r"([0-9]{1,9})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True)
class _Words:
    """How is talked about what is removed."""

    announcement: str
    question: str
    question_of_many: str
    removed: str
    failed: str


_OF_IMAGES = _Words(
    "This will delete the following images:",
    "Delete this image?",
    "Delete these {} images?",
    "Deleted image",
    "Error deleting image",
)
_OF_RECORDS = _Words(
    "This will remove the records of the following images, which are no longer there:",
    "Remove this record?",
    "Remove these {} records?",
    "Removed record of image",
    "Error removing record of image",
)


def run(context: Context, options: Options, arguments: list[str]) -> int:
    if arguments:
        raise UsageError(f"unexpected arguments: {' '.join(arguments)}")
    age = _seconds(options.text("-t"))

    from imgadm.base.patterns import check_uuid
    from imgadm.operations.upkeep import vacuum_images as operation
    from imgadm.pools import host_pools, open_pool

    excluded = frozenset(map(check_uuid, options.texts("-x")))
    with_records = options.flag("--records")
    if pool := options.text("-P"):
        pools = [open_pool(context.settings, pool)]
    else:
        pools = host_pools(context.settings, recorded=with_records)
    unused = operation.find_unused(pools, excluded=excluded, age=age)
    _remove(context, options, unused, _OF_IMAGES, operation.remove_images)
    if not options.flag("-n"):
        operation.remove_leftovers(pools, locks_for(context, options))
    if with_records:
        orphans = operation.find_orphans(pools, excluded=excluded)
        _remove(context, options, orphans, _OF_RECORDS, operation.remove_records)
    return 0


def _seconds(age: str | None) -> int | None:
    if age is None:
        return None
    match = _AGE.fullmatch(age)
    if match is None:
        raise UsageError(f'invalid age: "{age}" (must be a number and s, m, h, d or w, as in 2d)')
    return int(match[1]) * _SECONDS[match[2]]


def _remove(
    context: Context,
    options: Options,
    candidates: Sequence[Candidate],
    words: _Words,
    remove: Callable[[Sequence[Candidate], Locks, Callable[[Event], None]], None],
) -> None:
    if options.flag("-n"):
        for candidate in candidates:
            print(f"[dry-run] {words.removed} {_title(candidate.image)}")
        return
    if candidates and not options.flag("-f"):
        _ask(candidates, words)
    remove(candidates, locks_for(context, options), lambda event: _show(context, words, event))


def _ask(candidates: Sequence[Candidate], words: _Words) -> None:
    from imgadm.cli.output.confirmation import confirm

    print(words.announcement)
    for candidate in candidates:
        print(f"    {_title(candidate.image)}")
    count = len(candidates)
    if not confirm(words.question if count == 1 else words.question_of_many.format(count)):
        print("Aborting")
        raise DeclinedError
    print()


def _show(context: Context, words: _Words, event: Event) -> None:
    from imgadm.base.redaction import redact_text
    from imgadm.cli.output.waiting import show_waiting
    from imgadm.operations.upkeep import vacuum_images as events

    match event:
        case events.LockAwaited(image, holder):
            show_waiting(image.uuid, holder)
        case events.Removed(image):
            print(f"{words.removed} {_title(image)}", flush=True)
        case events.Kept(image, reason):
            context.warn(f"kept image {_title(image)}: {reason}")
        case events.Failed(image, error):
            text = redact_text(f"{type(error).__name__}: {error.message}")
            print(f"{words.failed} {_title(image)}: {text}")


def _title(image: InstalledImage) -> str:
    from imgadm.cli.output.tables import safe_cell_text

    name, version = (safe_cell_text(image.manifest.get(field)) for field in ("name", "version"))
    return f"{image.uuid} ({name}@{version})"


USED = Section(
    "What counts as used",
    "An image that anything is cloned from: a machine, a disk, whatever its\n"
    "name; one that another image is based on, unless that goes as well; and one\n"
    "that is marked imgadm:ignore.\n"
    "\n"
    "Also, what may be no image, or more than one: a dataset with others below\n"
    "it, or with neither a record nor a snapshot @final; a directory without a\n"
    "record, or with other files in it. Nobody can tell whether a machine runs\n"
    "from a disk in a directory pool: keep such images with -x.",
)

COMMAND = Command(
    name="vacuum",
    summary="Delete installed images that nothing uses",
    synopses=("vacuum [<options>]",),
    description="Delete all images on this host that nothing uses, after a question on the "
    "terminal. Each is looked at once more just before it is deleted.",
    options=(HELP, DRY_RUN, FORCE, AGE, EXCLUDED, RECORDS, POOL, NO_WAIT),
    sections=(USED,),
    run=run,
    configuration=ConfigurationUse.OPTIONAL,
    examples=(
        Example("imgadm vacuum -n", "What would go?"),
        Example(
            "imgadm vacuum -f -t 2w -x 01b2c898-945f-11e1-a523-af1afbe22822",
            "Every night: what nothing uses, if two weeks old, but for one image",
        ),
    ),
)
