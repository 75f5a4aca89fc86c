"""Finding the image that a reference means for a platform."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from imgadm.base.text import excerpt
from imgadm.client.errors import SourceError
from imgadm.registry.documents.image_parts import check_run_config, layers_of
from imgadm.registry.documents.images import RemoteImage, RemoteLayer
from imgadm.registry.documents.manifests import (
    Descriptor,
    ImageIndex,
    ImageManifest,
    IndexEntry,
    ManifestError,
)
from imgadm.registry.documents.reading import Documents, Parsed
from imgadm.registry.documents.schema1 import Schema1Manifest
from imgadm.registry.errors import InvalidContentError, InvalidDockerInfoError, NotInRegistryError
from imgadm.registry.places import Places
from imgadm.registry.references.platforms import Platform
from imgadm.registry.references.reference import Reference

_MAX_DEPTH = 4
"""Of indexes in indexes."""

_SHOWN_PLATFORMS = 20


@dataclass(frozen=True, slots=True)
class _Manifest:
    """A manifest with its digest, and the platform that an index says it is for."""

    content: ImageManifest
    digest: str
    platform: Platform | None


class _OtherPlatformError(Exception):
    """The configuration is of the platform that is the argument."""


class Resolver:
    """Looks up one reference for one platform; used once."""

    def __init__(self, places: Places, reference: Reference, platform: Platform) -> None:
        self._url = places.origin.url
        self._documents = Documents(places, reference)
        self._reference = reference
        self._wanted = platform
        self._offered: dict[Platform, None] = {}
        #: Why the first of those that might have been the image is not.
        self._unusable: SourceError | None = None

    def resolve(self) -> RemoteImage:
        """Return the image. Raises :class:`imgadm.client.errors.SourceError`."""
        parsed, digest = self._documents.manifest(
            self._reference.version, digest=self._reference.digest
        )
        try:
            return self._resolve(parsed, digest)
        except NotInRegistryError as error:
            # The image itself is there, so nobody should be told that it was not found.
            raise self._invalid(f"it is there, but not all of it: {error.reason}") from error

    def _resolve(self, parsed: Parsed, digest: str) -> RemoteImage:
        try:
            if isinstance(parsed, Schema1Manifest):
                return self._schema1_image(parsed, digest)
            if isinstance(parsed, ImageManifest):
                return self._image(_Manifest(parsed, digest, None))
        except _OtherPlatformError as error:
            raise self._no_platform([error.args[0]], digest) from None
        found = self._from_index(parsed, depth=1)
        if found is None:
            others = [at for at in self._offered if self._wanted.rank(at) is None]
            if self._unusable is None or others:
                raise self._no_platform(others)
            raise self._unusable
        return found

    def _from_index(self, index: ImageIndex, depth: int) -> RemoteImage | None:
        """Return the image for the platform: one that an index names as such, before others."""
        if depth > _MAX_DEPTH:
            raise InvalidContentError(
                self._url,
                f"{self._reference} has manifest lists in more than {_MAX_DEPTH} levels",
            )
        images, indexes, unnamed = self._sorted(index)
        for entry in images:
            found = self._try(entry, depth)
            if found is not None:
                return found
        for entry in indexes:
            descriptor = self._descriptor(entry)
            child, _ = self._listed(descriptor)
            if not isinstance(child, ImageIndex):
                raise self._not_promised(descriptor)
            found = self._from_index(child, depth + 1)
            if found is not None:
                return found
        for entry in unnamed:
            try:
                found = self._try(entry, depth)
            except _OtherPlatformError as error:
                self._offered[error.args[0]] = None
                continue
            if found is not None:
                return found
        return None

    def _try(self, entry: IndexEntry, depth: int) -> RemoteImage | None:
        """Return the image that an entry is; None for an artifact, which is no image.

        An entry that does not say what it is may also be a list, at ``depth`` levels.
        """
        is_named = entry.platform is not None
        failure: SourceError
        try:
            descriptor = self._descriptor(entry)
        except InvalidContentError as error:
            if is_named:
                raise
            failure = error
        else:
            try:
                child, digest = self._listed(descriptor)
                if isinstance(child, ImageIndex) and not descriptor.media_type:
                    return self._from_index(child, depth + 1)
                if not isinstance(child, ImageManifest):
                    raise self._not_promised(descriptor)
                return self._image(_Manifest(child, digest, entry.platform))
            except InvalidDockerInfoError as error:
                failure = error
            except NotInRegistryError as error:
                if is_named:
                    raise
                failure = error
        self._unusable = self._unusable or failure
        return None

    def _descriptor(self, entry: IndexEntry) -> Descriptor:
        try:
            return entry.descriptor()
        except ManifestError as error:
            raise self._invalid(str(error)) from error

    def _sorted(
        self, index: ImageIndex
    ) -> tuple[list[IndexEntry], list[IndexEntry], list[IndexEntry]]:
        """Return the images that are named for the platform, best first; lists; unnamed images."""
        ranked: list[tuple[int, IndexEntry]] = []
        indexes, unnamed = [], []
        for entry in index.entries:
            rank = 0 if entry.platform is None else self._wanted.rank(entry.platform)
            if entry.platform is not None:
                self._offered[entry.platform] = None
            if rank is None:
                continue
            if entry.is_index:
                indexes.append(entry)
            elif entry.platform is None:
                unnamed.append(entry)
            else:
                ranked.append((rank, entry))
        ranked.sort(key=lambda pair: pair[0])
        return [entry for _, entry in ranked], indexes, unnamed

    def _listed(self, entry: Descriptor) -> tuple[Parsed, str]:
        return self._documents.manifest(entry.digest, digest=entry.digest, size=entry.size)

    def _not_promised(self, entry: Descriptor) -> InvalidContentError:
        return InvalidContentError(
            self._url,
            f"{self._documents.name_of(entry.digest)} is not of the type {entry.media_type}, which "
            "the manifest list promises",
        )

    def _image(self, manifest: _Manifest) -> RemoteImage:
        config = self._documents.config(manifest.content.config)
        try:
            check_run_config(config)
            layers = layers_of(manifest.content, config)
        except ManifestError as error:
            raise self._invalid(str(error)) from error
        platform, doubts = self._checked_platform(config, manifest.digest, manifest.platform)
        return RemoteImage(
            self._reference,
            manifest.digest,
            config,
            manifest.content.config.digest,
            layers,
            platform,
            doubts,
        )

    def _schema1_image(self, manifest: Schema1Manifest, digest: str) -> RemoteImage:
        layers = tuple(RemoteLayer(layer, None, None, None) for layer in manifest.layers)
        try:
            check_run_config(manifest.config)
        except ManifestError as error:
            raise self._invalid(str(error)) from error
        platform, doubts = self._checked_platform(manifest.config, digest, None)
        return RemoteImage(self._reference, digest, manifest.config, None, layers, platform, doubts)

    def _checked_platform(
        self, config: dict[str, Any], digest: str, promised: Platform | None
    ) -> tuple[Platform, tuple[str, ...]]:
        """Return what the image is for, and what is to be doubted about that.

        A configuration that does not say is taken at its word. What the operator named by its
        digest, or the index as being for the platform, is taken whatever the configuration says.
        """
        told = Platform.of_entry(config)
        if told is None:
            return promised or self._wanted, ()
        if self._wanted.rank(told) is not None or self._differs_in_variant(told, promised):
            return promised or told, ()
        by_digest = f"{self._reference.canonical_name}@{digest}"
        if promised is not None:
            return told, (
                f"{self._reference}: the manifest list says that {by_digest} is for {promised}, "
                f"the image says that it is for {told}; another image of the list can be named by "
                "its digest",
            )
        if digest == self._reference.digest:
            return told, (
                f"{by_digest} is for {told}, not for {self._wanted}; it is taken because its "
                "digest names it",
            )
        raise _OtherPlatformError(told)

    def _differs_in_variant(self, told: Platform, promised: Platform | None) -> bool:
        """Builders set the variant in the index and forget it in the configuration."""
        return promised is not None and (told.os, told.architecture, told.variant) == (
            promised.os,
            promised.architecture,
            None,
        )

    def _invalid(self, reason: str) -> InvalidContentError:
        return InvalidContentError(self._url, f"{self._reference}: {reason}")

    def _no_platform(
        self, offered: Iterable[Platform], digest: str | None = None
    ) -> InvalidDockerInfoError:
        names = [str(platform) for platform in offered]
        more = ", ..." if len(names) > _SHOWN_PLATFORMS else ""
        shown = excerpt(", ".join(names[:_SHOWN_PLATFORMS]) + more) if names else "none"
        hint = "; choose one with --platform" if names else ""
        if digest is not None:
            hint += f", or name it by its digest: {self._reference.canonical_name}@{digest}"
        return InvalidDockerInfoError(
            self._url,
            f"{self._reference}: no {self._wanted} platform found in manifest list: {shown}{hint}",
        )
