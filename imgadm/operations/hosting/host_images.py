"""The catalogue of the installed images of this host, for a server."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from imgadm.pools.base import Pool
from imgadm.pools.images import InstalledImage
from imgadm.pools.sending import MadeStream, StoredStream
from imgadm.serve import GeneratedBytes, HostedImage, StoredBytes
from imgadm.serve.catalogues.digests import Digests, blocks_of, digests_of
from imgadm.serve.catalogues.shared_work import SharedWork


@dataclass(frozen=True)
class InstalledCatalogue:
    """The installed images with a manifest, on the pools that ``open_pools`` returns.

    ``open_pools`` is called for each request. Images are served uncompressed; layers are served as
    they were downloaded. A stream that is the same each time is read once, at the first request
    for its image, to promise its size, SHA-1 and MD5. Requests for other images do not wait for
    that. The stream of ``zfs send`` has no such promise.
    """

    open_pools: Callable[[], Sequence[Pool]]
    _known: dict[tuple[str, str, str], Digests] = field(default_factory=dict)
    _reading: SharedWork[Digests | None] = field(default_factory=SharedWork)

    def images(self) -> Sequence[HostedImage]:
        return [
            _HostedInstalled(pool, image, self._known.get(_key(pool, image)))
            for pool in self.open_pools()
            for image in pool.images()
            if "name" in image.manifest
        ]

    def find(self, uuid: str) -> HostedImage | None:
        for pool in self.open_pools():
            image = pool.get(uuid)
            if image is not None and "name" in image.manifest:
                return _HostedInstalled(pool, image, self._facts(pool, image))
        return None

    def _facts(self, pool: Pool, image: InstalledImage) -> Digests | None:
        key = _key(pool, image)
        if key not in self._known:
            facts = self._reading.result(key, lambda: _read_facts(pool.send(image)))
            if facts is None:
                return None
            self._known[key] = facts
        return self._known[key]


def _key(pool: Pool, image: InstalledImage) -> tuple[str, str, str]:
    """Return a key of the stream of an image, another one after a deletion and a new import."""
    return pool.name, image.uuid, repr(image.extra)


@dataclass(frozen=True)
class _HostedInstalled:
    pool: Pool
    image: InstalledImage
    facts: Digests | None

    @property
    def manifest(self) -> Mapping[str, Any]:
        file: dict[str, Any] = {"compression": self.pool.sent_compression(self.image)}
        if self.facts is not None:
            file |= {"sha1": self.facts.sha1, "size": self.facts.size}
        files = self.image.manifest.get("files")
        if files and "dataset_guid" in files[0]:
            file["dataset_guid"] = files[0]["dataset_guid"]
        return {**self.image.manifest, "state": "active", "disabled": False, "files": [file]}

    def open_file(self) -> StoredBytes | GeneratedBytes:
        stream = self.pool.send(self.image)
        if isinstance(stream, StoredStream):
            md5 = None if self.facts is None else self.facts.md5
            return StoredBytes(stream.file, os.fstat(stream.file.fileno()), lambda _: md5)
        if self.facts is None:
            return GeneratedBytes(stream.chunks)
        return GeneratedBytes(stream.chunks, self.facts.size, self.facts.md5)


def _read_facts(stream: StoredStream | MadeStream) -> Digests | None:
    if isinstance(stream, StoredStream):
        with stream.file as file:
            return digests_of(blocks_of(file))
    if not stream.repeatable:
        stream.chunks.close()
        return None
    return digests_of(stream.chunks)
