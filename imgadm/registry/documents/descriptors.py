"""References to documents and layers, as manifests of registries hold them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imgadm.base.json_input import json_type
from imgadm.base.patterns import is_digest
from imgadm.base.text import excerpt, json_excerpt
from imgadm.registry.references.media_types import usual
from imgadm.registry.references.platforms import Platform

_MAX_BLOB = 1 << 50
_MAX_URLS = 8


class ManifestError(ValueError):
    """A document does not have the form of its type; the text says why."""


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A reference to a document or layer; ``size`` and ``platform`` are ``None`` if it has none."""

    media_type: str
    digest: str
    size: int | None
    platform: Platform | None
    urls: tuple[str, ...] = ()


def read_descriptor(entry: Any, what: str) -> Descriptor:
    """Return the reference in the JSON value ``entry``, which messages call ``what``.

    Raises :class:`ManifestError` if it is malformed.
    """
    if not isinstance(entry, dict):
        raise ManifestError(f"{what} is {json_type(entry)}, an object was expected")
    media_type, digest, size = (entry.get(name) for name in ("mediaType", "digest", "size"))
    if not isinstance(media_type, str | None):
        raise ManifestError(f"{what} has the mediaType {excerpt(media_type)}")
    if not is_digest(digest):
        raise ManifestError(
            f'docker digests should be of the form "sha256:xxx", got: {excerpt(digest)} ({what})'
        )
    urls = entry.get("urls")
    texts = [url for url in urls if isinstance(url, str)] if isinstance(urls, list) else []
    return Descriptor(
        usual(media_type or ""),
        digest,
        _read_size(size, what),
        Platform.of_entry(entry.get("platform")),
        tuple(texts[:_MAX_URLS]),
    )


def _read_size(size: Any, what: str) -> int | None:
    """Return a size in bytes; ``None`` if there is none, or 0 or less, which no blob has."""
    if size is None:
        return None
    if isinstance(size, float) and size.is_integer():
        size = int(size)
    if isinstance(size, bool) or not isinstance(size, int) or size > _MAX_BLOB:
        raise ManifestError(f"{what} has the size {json_excerpt(size)}")
    return size if size > 0 else None
