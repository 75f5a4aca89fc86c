"""Images to import, made of streams that a real OpenZFS sent."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import zstandard

SAMPLES = Path(__file__).parents[2] / "data" / "zfs-streams"

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "none": bytes,
    "gzip": lambda data: gzip.compress(data, 1),
    "bzip2": lambda data: bz2.compress(data, 1),
    "xz": lambda data: lzma.compress(data, preset=0),
    "zstd": zstandard.ZstdCompressor(level=1).compress,
}


@cache
def sample(name: str) -> bytes:
    """A recorded send stream, uncompressed."""
    return lzma.decompress((SAMPLES / f"{name}.zsend.xz").read_bytes())


def disk_sha256(name: str) -> str:
    """What the disk has to be once the stream has been received."""
    return (SAMPLES / f"{name}.raw.sha256").read_text().split()[0]


def uuid_of(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


@dataclass(frozen=True)
class Image:
    """A manifest and the bytes of its file."""

    manifest: dict[str, Any]
    data: bytes

    @property
    def uuid(self) -> str:
        return str(self.manifest["uuid"])

    @property
    def title(self) -> str:
        return f"{self.uuid} ({self.manifest['name']}@{self.manifest['version']})"

    def having(self, **fields: Any) -> Image:
        """The same image with other fields in its manifest."""
        return replace(self, manifest={**self.manifest, **fields})

    def promising(self, **facts: Any) -> Image:
        """The same image with other facts about its file in its manifest."""
        return self.having(files=[{**self.manifest["files"][0], **facts}])

    def of_bytes(self, data: bytes, **facts: Any) -> Image:
        """The image with another file, whose checksum and size the manifest has right."""
        sha1 = hashlib.sha1(data).hexdigest()
        return replace(self, data=data).promising(**{"sha1": sha1, "size": len(data)} | facts)


def make_image(
    name: str,
    stream: bytes,
    compression: str = "gzip",
    *,
    origin: Image | None = None,
    **fields: Any,
) -> Image:
    manifest = {
        "v": 2,
        "uuid": uuid_of(name),
        "owner": "00000000-0000-0000-0000-000000000000",
        "name": name,
        "version": "1.0",
        "state": "active",
        "disabled": False,
        "public": True,
        "published_at": "2026-01-02T03:04:05.678Z",
        "type": "zvol",
        "os": "linux",
        "files": [{"compression": compression}],
        **({} if origin is None else {"origin": origin.uuid}),
        **fields,
    }
    return Image(manifest, b"").of_bytes(COMPRESS[compression](stream))


def sample_image(stream: str, compression: str = "gzip", **fields: Any) -> Image:
    kind = "zone-dataset" if stream.startswith("fs-") else "zvol"
    return make_image(
        f"{stream}-{compression}", sample(stream), compression, **{"type": kind, **fields}
    )


def small_image(**fields: Any) -> Image:
    return sample_image("zvol-embedded", **fields)


def chain_of_three(compression: str = "gzip") -> list[Image]:
    """A full image and two incremental ones, each based on the one before it."""
    full = sample_image("zvol-full", compression)
    first = sample_image("zvol-incr", compression, origin=full)
    return [full, first, sample_image("zvol-incr2", compression, origin=first)]
