"""Images in a registry, after the look-up of their documents and before any layer comes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from imgadm.registry.references.digests import digest_of
from imgadm.registry.references.platforms import Platform
from imgadm.registry.references.reference import Reference


@dataclass(frozen=True, slots=True)
class RemoteLayer:
    """A layer, as the documents of its image describe it.

    ``digest`` and ``size``, in bytes, are those of the compressed blob. ``compression`` is a name
    that :func:`imgadm.streams.decompress` knows, ``None`` if the first bytes have to tell.
    ``diff_id`` is the digest of the archive inside. In schema 1, ``size`` and ``diff_id`` are
    ``None``. ``urls`` are addresses of a layer that the registry need not have.
    """

    digest: str
    size: int | None
    compression: str | None
    diff_id: str | None
    urls: tuple[str, ...] = ()


NO_FILES = bytes(1024)
"""A tar archive without entries, the only layer of an image without layers."""

NO_FILES_LAYER = RemoteLayer(digest_of(NO_FILES), len(NO_FILES), "none", digest_of(NO_FILES))


@dataclass(frozen=True, slots=True)
class RemoteImage:
    """An image for ``platform``, all of whose documents have the right digests.

    ``digest`` is that of its manifest, not of an index that lists it. ``config`` is its parsed
    configuration. ``config_digest`` is ``None`` for schema 1, where the configuration is no
    document of its own. ``layers`` begin with the base; an image without files has one layer,
    ``NO_FILES_LAYER``. ``doubts`` are warnings about contradictions between the documents.
    """

    reference: Reference
    digest: str
    config: dict[str, Any] = field(repr=False)
    config_digest: str | None
    layers: tuple[RemoteLayer, ...]
    platform: Platform
    doubts: tuple[str, ...] = ()
