"""Images in registries, as far as they are looked up: documents, but no layers yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from imgadm.registry.references.digests import digest_of
from imgadm.registry.references.platforms import Platform
from imgadm.registry.references.reference import Reference


@dataclass(frozen=True, slots=True)
class RemoteLayer:
    """A layer; ``digest`` and ``size`` in bytes are of the blob, as it is compressed.

    ``compression`` is a name that :func:`imgadm.streams.decompress` knows, ``None`` where the first
    bytes have to tell. ``diff_id`` is the digest of the archive inside. Schema 1 says neither that
    nor a size. ``urls`` are where a layer is that the registry need not have.
    """

    digest: str
    size: int | None
    compression: str | None
    diff_id: str | None
    urls: tuple[str, ...] = ()


NO_FILES = bytes(1024)
"""A tar archive without entries: what stands for the layers of an image that has none."""

NO_FILES_LAYER = RemoteLayer(digest_of(NO_FILES), len(NO_FILES), "none", digest_of(NO_FILES))


@dataclass(frozen=True, slots=True)
class RemoteImage:
    """An image for ``platform``, every document of which has the digest that it should.

    ``digest`` is that of its manifest, not of an index that lists it. ``config`` is its
    configuration as parsed, ``config_digest`` is ``None`` for schema 1, where it is no document
    of its own. ``layers`` are in order, the base first; of an image without files there is one,
    ``NO_FILES_LAYER``. ``doubts`` are lines about what is said of the image, and is not so.
    """

    reference: Reference
    digest: str
    config: dict[str, Any] = field(repr=False)
    config_digest: str | None
    layers: tuple[RemoteLayer, ...]
    platform: Platform
    doubts: tuple[str, ...] = ()
