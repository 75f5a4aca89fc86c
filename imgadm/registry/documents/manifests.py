"""Manifests of registries, read from JSON into typed and checked values.

This module reads manifests of schema 2 and of OCI, which have the same form, and lists of them.
:mod:`imgadm.registry.documents.schema1` reads schema 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from imgadm.base.json_input import JSONError, json_type, parse_json
from imgadm.base.text import excerpt, json_excerpt
from imgadm.registry.documents.descriptors import Descriptor, ManifestError, read_descriptor
from imgadm.registry.references.media_types import (
    CONFIGS,
    INDEXES,
    MANIFESTS,
    SCHEMA_1,
    is_layer,
    usual,
)
from imgadm.registry.references.platforms import Platform

MAX_LAYERS = 256
"""The most layers in an image. Each layer becomes a dataset, a clone of the one before."""

_MAX_ENTRIES = 1000
_KNOWN = MANIFESTS | INDEXES | SCHEMA_1
# An entry without a type may be an image, too.
_LISTED = MANIFESTS | INDEXES | {""}
_ATTESTATION = "attestation-manifest"
_REFERENCE_TYPE = "vnd.docker.reference.type"


class UnusableImageError(ManifestError):
    """A well-formed document does not describe an image that we can use."""


@dataclass(frozen=True, slots=True)
class Document:
    """The body of an answer with a manifest, and the headers about it.

    ``digest`` is empty if the registry sends none. ``coding`` is the content coding, or empty.
    """

    body: bytes
    content_type: str
    digest: str
    coding: str = ""


@dataclass(frozen=True, slots=True)
class ImageManifest:
    """An image for one platform: its configuration, and its layers, base first, if it has any."""

    config: Descriptor
    layers: tuple[Descriptor, ...]


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """An image or another list in a list, with the facts that the choice needs.

    ``number`` is its position in the list. ``raw`` is unchecked; :meth:`descriptor` checks it.
    """

    is_index: bool
    platform: Platform | None
    number: int
    raw: Mapping[str, Any] = field(repr=False)

    def descriptor(self) -> Descriptor:
        """Return the reference of the entry; raises :class:`ManifestError` if it is malformed."""
        return read_descriptor(self.raw, f"manifest {self.number} of its list")


@dataclass(frozen=True, slots=True)
class ImageIndex:
    """A list of images and of other lists, without its entries for anything else."""

    entries: tuple[IndexEntry, ...]


def parse_document(body: bytes, content_type: str) -> dict[str, Any]:
    """Return the JSON object in ``body``.

    ``content_type`` is the media type that the registry sent. Raises :class:`ManifestError` for
    anything but an object, and if its ``mediaType`` contradicts ``content_type``.
    """
    try:
        value = parse_json(body)
    except JSONError as error:
        raise ManifestError(f"it is {error}") from error
    if not isinstance(value, dict):
        raise ManifestError(f"an object was expected, got {json_type(value)}")
    said = value.get("mediaType")
    if said is not None and not isinstance(said, str):
        raise ManifestError(f'its "mediaType" is {excerpt(said)}')
    if said and content_type in _KNOWN and _family(said) is not _family(content_type):
        raise ManifestError(f"its mediaType is {excerpt(said)}, but it was sent as {content_type}")
    return value


def _family(media_type: str) -> frozenset[str] | None:
    """Return the media types whose documents have the form of ``media_type``, None if unknown."""
    families = (MANIFESTS, INDEXES, SCHEMA_1)
    return next((family for family in families if usual(media_type) in family), None)


def is_schema1(document: Mapping[str, Any]) -> bool:
    """Tell whether ``document`` is of schema 1, and not of schema 2 or OCI.

    Raises :class:`UnusableImageError` if it has no version, or an unknown one.
    """
    version = document.get("schemaVersion")
    if version is None:
        raise UnusableImageError("No docker manifest schemaVersion defined")
    if isinstance(version, bool) or version not in (1, 2):
        raise UnusableImageError(f"Unsupported docker manifest version: {json_excerpt(version)}")
    return bool(version == 1)


def read_manifest(document: Mapping[str, Any], content_type: str) -> ImageManifest | ImageIndex:
    """Return the image or the list in a document of schema 2 or OCI.

    ``content_type`` is the media type that the registry sent; the ``mediaType`` in the document
    takes precedence. Raises :class:`ManifestError` for a malformed document.
    """
    if "manifests" in document and ("layers" in document or "config" in document):
        raise ManifestError(
            'it has both "manifests" and "layers", and is neither an index nor an image'
        )
    kind = usual(document.get("mediaType") or "") or (
        content_type if content_type in _KNOWN else ""
    )
    if not kind:
        kind = min(INDEXES if "manifests" in document else MANIFESTS)
    if kind in INDEXES:
        return _read_index(document)
    if kind in MANIFESTS:
        return _read_image(document)
    raise UnusableImageError(f"it is no image: its type is {excerpt(kind)}")


def _read_index(document: Mapping[str, Any]) -> ImageIndex:
    entries = document.get("manifests")
    if not isinstance(entries, list) or not entries:
        raise ManifestError("no manifests in manifest list")
    if len(entries) > _MAX_ENTRIES:
        raise ManifestError(f"it lists {len(entries)} manifests, at most {_MAX_ENTRIES} are read")
    found = []
    for number, entry in enumerate(entries):
        kind = usual(_text(entry.get("mediaType"))) if isinstance(entry, dict) else None
        if kind not in _LISTED or _is_artifact(entry):
            continue
        platform = Platform.of_entry(entry.get("platform"))
        if platform is None or platform.is_known:
            found.append(IndexEntry(kind in INDEXES, platform, number, entry))
    return ImageIndex(tuple(found))


def _is_artifact(entry: Mapping[str, Any]) -> bool:
    if usual(_text(entry.get("artifactType"))) not in CONFIGS:
        return True
    annotations = entry.get("annotations")
    return isinstance(annotations, dict) and annotations.get(_REFERENCE_TYPE) == _ATTESTATION


def _read_image(document: Mapping[str, Any]) -> ImageManifest:
    if "config" not in document:
        raise UnusableImageError("No docker manifest config defined")
    config = read_descriptor(document["config"], "its config")
    if config.media_type not in CONFIGS:
        artifact = document.get("artifactType") or config.media_type
        raise UnusableImageError(f"it is no image, but an artifact of type {excerpt(artifact)}")
    layers = document.get("layers")
    if layers is None:
        layers = []
    if not isinstance(layers, list):
        raise ManifestError(f'its "layers" is {json_type(layers)}, an array was expected')
    check_number_of_layers(len(layers))
    return ImageManifest(
        config, tuple(_read_layer(layer, number) for number, layer in enumerate(layers))
    )


def _read_layer(entry: Any, number: int) -> Descriptor:
    layer = read_descriptor(entry, f"layer {number}")
    if not is_layer(layer.media_type):
        raise UnusableImageError(
            f"layer {number} is no part of a file system that we can read: its type is "
            f"{excerpt(layer.media_type)}"
        )
    return layer


def check_number_of_layers(number: int) -> None:
    """Raise :class:`UnusableImageError` for more layers than an image may have."""
    if number > MAX_LAYERS:
        raise UnusableImageError(f"it has {number} layers, at most {MAX_LAYERS} are taken")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
