"""Manifests of registries: bytes in, typed and checked values out.

Schema 2 and OCI, which have the same shape, and their lists of manifests; schema 1 is in
:mod:`imgadm.sources.docker.schema1`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imgadm.manifest.parse import JSONError, json_type, parse_json
from imgadm.manifest.values import display
from imgadm.sources.docker.digests import is_digest
from imgadm.sources.docker.media_types import (
    CONFIGS,
    FOREIGN_LAYERS,
    INDEXES,
    LAYERS,
    MANIFESTS,
    SCHEMA_1,
)
from imgadm.sources.docker.platforms import Platform

MAX_LAYERS = 256
"""Each of them becomes a dataset that is a clone of the one before."""

MAX_ENTRIES = 1000
_KNOWN = MANIFESTS | INDEXES | SCHEMA_1
_MAX_BLOB = 1 << 50
_MAX_URLS = 8
_ATTESTATION = "attestation-manifest"
_REFERENCE_TYPE = "vnd.docker.reference.type"


class ManifestError(ValueError):
    """A document is not what its type says; the text says why."""


class UnusableImageError(ManifestError):
    """A document is fine, but no image that we can use."""


@dataclass(frozen=True, slots=True)
class Document:
    """The bytes of a manifest as they came, and what the registry says of them.

    ``digest`` is empty where it says none.
    """

    body: bytes
    content_type: str
    digest: str


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What a document refers to. ``platform`` is ``None`` where it is not told."""

    media_type: str
    digest: str
    size: int
    platform: Platform | None
    urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageManifest:
    """An image for one platform; layers base first."""

    config: Descriptor
    layers: tuple[Descriptor, ...]


@dataclass(frozen=True, slots=True)
class ImageIndex:
    """A list of images and of such lists; what else was listed is left out."""

    entries: tuple[Descriptor, ...]


def parse_document(body: bytes, content_type: str) -> dict[str, Any]:
    """Return a document whose ``mediaType`` its ``content_type`` does not contradict.

    Raises :class:`ManifestError`.
    """
    try:
        value = parse_json(body)
    except JSONError as error:
        raise ManifestError(f"it is {error}") from error
    if not isinstance(value, dict):
        raise ManifestError(f"an object was expected, got {json_type(value)}")
    said = value.get("mediaType")
    if said is not None and not isinstance(said, str):
        raise ManifestError(f'its "mediaType" is {display(said)}')
    if said and content_type in _KNOWN and said != content_type:
        raise ManifestError(f"its mediaType is {display(said)}, but it was sent as {content_type}")
    return value


def is_schema1(document: Mapping[str, Any]) -> bool:
    """Tell the version of a document; raises for one that has none, or that nobody knows."""
    version = document.get("schemaVersion")
    if version is None:
        raise UnusableImageError("No docker manifest schemaVersion defined")
    if isinstance(version, bool) or version not in (1, 2):
        raise UnusableImageError(f"Unsupported docker manifest version: {display(version)}")
    return bool(version == 1)


def read_manifest(document: Mapping[str, Any], content_type: str) -> ImageManifest | ImageIndex:
    """Return what a document of version 2 says; raises :class:`ManifestError`."""
    if "manifests" in document and ("layers" in document or "config" in document):
        raise ManifestError(
            'it has both "manifests" and "layers", and is neither an index nor an image'
        )
    kind = document.get("mediaType") or (content_type if content_type in _KNOWN else "")
    if not kind:
        kind = min(INDEXES if "manifests" in document else MANIFESTS)
    if kind in INDEXES:
        return _read_index(document)
    if kind in MANIFESTS:
        return _read_image(document)
    raise UnusableImageError(f"it is no image: its type is {display(kind)}")


def _read_index(document: Mapping[str, Any]) -> ImageIndex:
    entries = document.get("manifests")
    if not isinstance(entries, list) or not entries:
        raise ManifestError("no manifests in manifest list")
    if len(entries) > MAX_ENTRIES:
        raise ManifestError(f"it lists {len(entries)} manifests, at most {MAX_ENTRIES} are read")
    found = []
    for number, entry in enumerate(entries):
        descriptor = _read_descriptor(entry, f"manifest {number} of its list")
        known = descriptor.platform is None or descriptor.platform.is_known
        if known and descriptor.media_type in MANIFESTS | INDEXES and not _is_attestation(entry):
            found.append(descriptor)
    return ImageIndex(tuple(found))


def _is_attestation(entry: Mapping[str, Any]) -> bool:
    annotations = entry.get("annotations")
    return isinstance(annotations, dict) and annotations.get(_REFERENCE_TYPE) == _ATTESTATION


def _read_image(document: Mapping[str, Any]) -> ImageManifest:
    if "config" not in document:
        raise UnusableImageError("No docker manifest config defined")
    config = _read_descriptor(document["config"], "its config")
    if config.media_type not in CONFIGS:
        artifact = document.get("artifactType") or config.media_type
        raise UnusableImageError(f"it is no image, but an artifact of type {display(artifact)}")
    layers = document.get("layers")
    if not isinstance(layers, list) or not layers:
        raise ManifestError("no layers in manifest")
    check_number_of_layers(len(layers))
    return ImageManifest(
        config, tuple(_read_layer(layer, number) for number, layer in enumerate(layers))
    )


def _read_layer(entry: Any, number: int) -> Descriptor:
    layer = _read_descriptor(entry, f"layer {number}")
    if layer.media_type not in LAYERS and layer.media_type not in FOREIGN_LAYERS:
        raise UnusableImageError(
            f"layer {number} is no part of a file system that we can read: its type is "
            f"{display(layer.media_type)}"
        )
    return layer


def check_number_of_layers(number: int) -> None:
    """Raise for more layers than an image may have."""
    if number > MAX_LAYERS:
        raise UnusableImageError(f"it has {number} layers, at most {MAX_LAYERS} are taken")


def _read_descriptor(entry: Any, what: str) -> Descriptor:
    if not isinstance(entry, dict):
        raise ManifestError(f"{what} is {json_type(entry)}, an object was expected")
    media_type, digest, size = (entry.get(name) for name in ("mediaType", "digest", "size"))
    if not isinstance(media_type, str) or not media_type:
        raise ManifestError(f"{what} has the mediaType {display(media_type)}")
    if not is_digest(digest):
        raise ManifestError(
            f'docker digests should be of the form "sha256:xxx", got: {display(digest)} ({what})'
        )
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= _MAX_BLOB:
        raise ManifestError(f"{what} has the size {display(size)}")
    urls = entry.get("urls")
    texts = [url for url in urls if isinstance(url, str)] if isinstance(urls, list) else []
    return Descriptor(
        media_type, digest, size, Platform.of_entry(entry.get("platform")), tuple(texts[:_MAX_URLS])
    )
