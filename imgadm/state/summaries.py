"""Summaries of many records, kept in one file that is faster to read than all records.

Other programs also write records, in place and at any time. A kept summary is therefore used only
while the file of the record has the same inode, size and time of last change. Only the kernel can
set that time. The summary of a file that has just changed is not kept, because its next change
could get the same time.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

SUMMARY_FIELDS = frozenset(
    {"uuid", "name", "version", "type", "os", "state", "origin", "published_at"}
    | {"published", "published_date", "pub", "source", "zpool", "clones"}
)
"""The fields of a manifest that a summary has, if the manifest has them.

Manifests usually lack those in the second row, which lists compute from others.
"""

WORTHWHILE = 500
"""The number of records from which on summaries are kept; fewer are fast enough to read."""

_SETTLED_NANOSECONDS = 2_000_000_000
"""The age from which on a file counts as settled, so that its summary is kept."""

_SHARE_OF_CHANGES = 20
"""The kept file is rewritten if more than one in this many summaries is new."""


class Summary(NamedTuple):
    """A manifest, perhaps reduced to :data:`SUMMARY_FIELDS`, and the URL of its source."""

    manifest: dict[str, Any]
    source: str | None


def read_summaries(
    pool: str,
    directory: str,
    names: Sequence[str],
    read: Callable[[str], Summary | None],
    cache_directory: Path | None,
) -> list[Summary | None]:
    """Return the current summary of each of the files ``names`` in ``directory``.

    All are records of ``pool``. ``read`` reads the record with a given file name, and returns None
    for an unusable one. ``cache_directory`` has the kept summaries; None keeps none.
    """
    if cache_directory is None or len(names) < WORTHWHILE:
        return [read(name) for name in names]
    from imgadm.base.files.cache import Cache, CacheEntry

    cache, subject = Cache(cache_directory), f"records of {pool} in {directory}"
    entry = cache.find(subject)
    known = _known(entry.body) if entry is not None and entry.tag == _TAG else {}
    settled = time.time_ns() - _SETTLED_NANOSECONDS
    summaries: list[Summary | None] = []
    changed: dict[str, list[Any]] = {}
    for name in names:
        try:
            status = os.stat(f"{directory}/{name}")  # noqa: PTH116  twice as fast as a path
        except OSError:
            summaries.append(read(name))
            continue
        changed_at, size, inode = status.st_ctime_ns, status.st_size, status.st_ino
        kept = known.get(name)
        if kept and kept[0] == changed_at and kept[1] == size and kept[2] == inode:
            summaries.append(Summary(kept[3], kept[4]))
            continue
        summary = read(name)
        summaries.append(summary)
        if summary is not None and changed_at < settled:
            changed[name] = [changed_at, size, inode, _short(summary.manifest), summary.source]
    if len(changed) * _SHARE_OF_CHANGES > len(names):
        current = {name: known[name] for name in names if name in known} | changed
        body = json.dumps(current, separators=(",", ":")).encode()
        cache.keep(subject, CacheEntry(_TAG, body))
    return summaries


_TAG = ",".join(("summaries-2", *sorted(SUMMARY_FIELDS)))


def _known(body: bytes) -> Mapping[str, list[Any]]:
    """Return the kept entries by file name: the state of the file, and its summary."""
    known: Mapping[str, list[Any]] = json.loads(body)
    return known


def _short(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {field: manifest[field] for field in SUMMARY_FIELDS if field in manifest}
