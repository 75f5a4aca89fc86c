"""The work of ``imgadm vacuum``: remove the installed images that nothing uses."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from imgadm.base.errors import UsageError
from imgadm.base.locks.command_locks import Locks
from imgadm.base.patterns import check_uuid
from imgadm.base.redaction import redact_text
from imgadm.cli.context import RunContext
from imgadm.cli.errors import DeclinedError
from imgadm.cli.output.confirmation import confirm
from imgadm.cli.output.tables import safe_cell_text
from imgadm.cli.output.waiting import show_waiting
from imgadm.operations.events.event import Event, LockAwaited, OnEvent
from imgadm.operations.events.upkeep import ImageKept, ImageRemoved, RemovalFailed
from imgadm.operations.upkeep import vacuum_images as operation
from imgadm.pools.images import InstalledImage

_AGE = re.compile(r"([0-9]{1,9})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True)
class _Words:
    """The words about what is removed: images, or the records of lost images."""

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


def run(context: RunContext) -> int:
    """Remove unused images and leftovers of dead runs, and with ``--records`` lost records."""
    options = context.options
    if context.arguments:
        raise UsageError(
            f"unexpected arguments: {' '.join(context.arguments)}", synopsis_helps=True
        )
    age = _seconds(options.text("-t"))
    excluded = frozenset(map(check_uuid, options.texts("-x")))
    with_records = options.flag("--records")
    pools = context.pools(recorded=with_records)
    unused = operation.find_unused(pools, excluded=excluded, age=age)
    _remove(context, unused, _OF_IMAGES, operation.remove_images)
    if not options.flag("-n"):
        operation.clean_pools(pools, context.locks())
    if with_records:
        orphans = operation.find_orphans(pools, excluded=excluded)
        _remove(context, orphans, _OF_RECORDS, operation.remove_records)
    return 0


def _seconds(age: str | None) -> int | None:
    """Return the seconds that ``age`` spells. Raises UsageError."""
    if age is None:
        return None
    match = _AGE.fullmatch(age)
    if match is None:
        raise UsageError(f'invalid age: "{age}" (must be a number and s, m, h, d or w, as in 2d)')
    return int(match[1]) * _SECONDS[match[2]]


def _remove(
    context: RunContext,
    candidates: Sequence[operation.Candidate],
    words: _Words,
    remove: Callable[[Sequence[operation.Candidate], Locks, OnEvent], None],
) -> None:
    """Show the candidates of a dry run; otherwise ask, unless forced, and remove them."""
    if context.options.flag("-n"):
        for candidate in candidates:
            print(f"[dry-run] {words.removed} {_title(candidate.image)}")
        return
    if candidates and not context.options.flag("-f"):
        _ask(candidates, words)
    remove(candidates, context.locks(), lambda event: _show(context, words, event))


def _ask(candidates: Sequence[operation.Candidate], words: _Words) -> None:
    """List the candidates and ask. Raises DeclinedError unless the answer is yes."""
    print(words.announcement)
    for candidate in candidates:
        print(f"    {_title(candidate.image)}")
    count = len(candidates)
    if not confirm(words.question if count == 1 else words.question_of_many.format(count)):
        print("Aborting")
        raise DeclinedError
    print()


def _show(context: RunContext, words: _Words, event: Event) -> None:
    match event:
        case LockAwaited(uuid, holder):
            show_waiting(uuid, holder)
        case ImageRemoved(image):
            print(f"{words.removed} {_title(image)}", flush=True)
        case ImageKept(image, reason):
            context.warn(f"kept image {_title(image)}: {reason}")
        case RemovalFailed(image, error):
            text = redact_text(f"{type(error).__name__}: {error.message}")
            print(f"{words.failed} {_title(image)}: {text}")


def _title(image: InstalledImage) -> str:
    name, version = (safe_cell_text(image.manifest.get(field)) for field in ("name", "version"))
    return f"{image.uuid} ({name}@{version})"
