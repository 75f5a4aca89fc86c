"""The digests of large files, kept for the next server of the same folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from imgadm.base.files.cache import Cache, CacheEntry
from imgadm.serve.catalogues.digests import WORTH_KEEPING, Digests, Stamp

_TAG = "1"


@dataclass(frozen=True)
class KeptDigests:
    """The digests that ``cache`` has of the files in ``folder``; its errors are ignored."""

    cache: Cache
    folder: Path

    def load(self) -> dict[Stamp, Digests]:
        """Return the digests that were kept, by the stamps of the files."""
        entry = self.cache.find(self._subject)
        if entry is None or entry.tag != _TAG:
            return {}
        try:
            return {
                (device, inode, size, modified, changed): Digests(sha1, bytes.fromhex(md5), size)
                for device, inode, size, modified, changed, sha1, md5 in json.loads(entry.body)
            }
        except (ValueError, TypeError):
            return {}

    def save(self, known: Mapping[Stamp, Digests]) -> None:
        """Keep those of ``known`` that took long to compute."""
        rows = [
            [*stamp, digests.sha1, digests.md5.hex()]
            for stamp, digests in known.items()
            if digests.size >= WORTH_KEEPING
        ]
        self.cache.keep(self._subject, CacheEntry(_TAG, json.dumps(rows).encode()))

    @property
    def _subject(self) -> str:
        return f"digests of the files in {self.folder.resolve()}"
