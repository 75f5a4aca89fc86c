"""The look-up of the image that a reference names for a platform."""

from __future__ import annotations

from dataclasses import dataclass

from imgadm.client.errors import SourceError
from imgadm.registry.documents.descriptors import Descriptor, ManifestError
from imgadm.registry.documents.download import Documents, Parsed
from imgadm.registry.documents.image_parts import check_run_config, layers_of
from imgadm.registry.documents.images import RemoteImage, RemoteLayer
from imgadm.registry.documents.manifests import ImageIndex, ImageManifest, IndexEntry
from imgadm.registry.documents.schema1 import Schema1Manifest
from imgadm.registry.errors import InvalidContentError, InvalidDockerInfoError, NotInRegistryError
from imgadm.registry.platform_choice import OtherPlatformError, PlatformChoice
from imgadm.registry.references.platforms import Platform
from imgadm.registry.references.reference import Reference
from imgadm.registry.servers import RepositoryServers

_MAX_DEPTH = 4
"""The most levels of indexes within indexes."""


@dataclass(frozen=True, slots=True)
class _Manifest:
    """A manifest with its digest, and the platform that an index names for it."""

    content: ImageManifest
    digest: str
    platform: Platform | None


class Resolver:
    """The look-up of one reference for one platform, to be used once."""

    def __init__(
        self, servers: RepositoryServers, reference: Reference, platform: Platform
    ) -> None:
        self._url = servers.origin.url
        self._documents = Documents(servers, reference)
        self._reference = reference
        self._wanted = platform
        self._choice = PlatformChoice(reference, platform)
        self._offered: dict[Platform, None] = {}
        # This is the error of the first entry that could have been the image.
        self._unusable: SourceError | None = None

    def resolve(self) -> RemoteImage:
        """Return the image. Raises :class:`imgadm.client.errors.SourceError`."""
        parsed, digest = self._documents.manifest(
            self._reference.version, digest=self._reference.digest
        )
        try:
            return self._resolve(parsed, digest)
        except NotInRegistryError as error:
            # The image itself is there, so the error must not say that it was not found.
            raise self._invalid(f"it is there, but not all of it: {error.reason}") from error

    def _resolve(self, parsed: Parsed, digest: str) -> RemoteImage:
        try:
            if isinstance(parsed, Schema1Manifest):
                return self._schema1_image(parsed, digest)
            if isinstance(parsed, ImageManifest):
                return self._image(_Manifest(parsed, digest, None))
        except OtherPlatformError as error:
            raise self._choice.refusal(self._url, [error.platform], digest) from None
        found = self._from_index(parsed, depth=1)
        if found is None:
            others = [at for at in self._offered if self._wanted.rank(at) is None]
            if self._unusable is None or others:
                raise self._choice.refusal(self._url, others)
            raise self._unusable
        return found

    def _from_index(self, index: ImageIndex, depth: int) -> RemoteImage | None:
        """Return the image for the platform in ``index``, None if there is none.

        An image that the index names for the platform comes before others. ``depth`` is the number
        of indexes that lead here.
        """
        if depth > _MAX_DEPTH:
            raise InvalidContentError(
                self._url,
                f"{self._reference} has manifest lists in more than {_MAX_DEPTH} levels",
            )
        self._offered.update((entry.platform, None) for entry in index.entries if entry.platform)
        images, indexes, unnamed = self._choice.sorted(index)
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
            except OtherPlatformError as error:
                self._offered[error.platform] = None
                continue
            if found is not None:
                return found
        return None

    def _try(self, entry: IndexEntry, depth: int) -> RemoteImage | None:
        """Return the image that ``entry`` refers to; None for an artifact, which is no image.

        An entry without a type may also be another index, at ``depth`` levels.
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
        platform, doubts = self._choice.checked(config, manifest.digest, manifest.platform)
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
        platform, doubts = self._choice.checked(manifest.config, digest, None)
        return RemoteImage(self._reference, digest, manifest.config, None, layers, platform, doubts)

    def _invalid(self, reason: str) -> InvalidContentError:
        return InvalidContentError(self._url, f"{self._reference}: {reason}")
