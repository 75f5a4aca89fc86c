"""Images of Docker registries, looked for in the registries that are configured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from imgadm.base.errors import ImgadmError
from imgadm.manifest import Manifest
from imgadm.manifest.docker import layer_manifests
from imgadm.operations.asking import ask_in_order
from imgadm.operations.errors import ActiveImageNotFoundError
from imgadm.operations.importing.layer_fetches import IncomingLayer
from imgadm.registry import NotInRegistryError, Platform, Reference, RemoteImage, parse_reference
from imgadm.registry.references.indexes import parse_index
from imgadm.sources.docker_source import DockerSource

if TYPE_CHECKING:
    from imgadm import streams


@dataclass(frozen=True)
class RegistryImage:
    """An image as a registry has it, and as images of ours."""

    remote: RemoteImage
    source: DockerSource

    @property
    def title(self) -> str:
        """What operators know it by, with its registry."""
        reference = self.remote.reference
        tag = f":{reference.tag}" if reference.tag else ""
        digest = f"@{reference.digest}" if reference.digest else ""
        return f"{reference.canonical_name}{tag}{digest}"

    @property
    def registry(self) -> str:
        """The URL of the registry that has it, which need not be the one that is configured."""
        return self.source.registry_of(self.remote.reference)

    @property
    def digests(self) -> list[str]:
        """Those of the layers as the registry keeps them, base first."""
        return [layer.digest for layer in self.remote.layers]

    @cached_property
    def manifests(self) -> list[Manifest]:
        """One for each layer, base first; the last is the image itself."""
        reference = self.remote.reference
        return [
            Manifest.of(manifest)
            for manifest in layer_manifests(
                self.digests, self.remote.config, repository=reference.local_name, tag=reference.tag
            )
        ]

    def incoming(self, index: int) -> IncomingLayer:
        """A layer as it is fetched from the registry."""
        layer = self.remote.layers[index]

        def fetch() -> streams.Stage:
            return self.source.fetch_layer(self.remote, layer)

        return IncomingLayer(
            self.manifests[index],
            fetch,
            digest=layer.digest,
            size=layer.size,
            compression=layer.compression,
            diff_id=layer.diff_id,
        )


def find_registry_image(
    registries: Sequence[DockerSource],
    name: str,
    platform: Platform,
    *,
    on_failure: Callable[[ImgadmError], None],
) -> RegistryImage:
    """Ask for the image ``name``, for ``platform``.

    A name without a registry is looked for in all ``registries``, in their order; one with it, just
    there. ``on_failure`` hears of those that failed before the hit. Raises
    ActiveImageNotFoundError, InvalidDockerRepoError, and what the registries failed with.
    """

    def resolve(place: tuple[DockerSource, Reference]) -> RemoteImage | None:
        source, reference = place
        try:
            return source.resolve(reference, platform)
        except NotInRegistryError:
            return None

    inquiry = ask_in_order(resolve, _places(registries, name))
    (source, _), remote = inquiry.required(
        ActiveImageNotFoundError(name), on_failure=on_failure, shape=lambda failure: failure
    )
    return RegistryImage(remote, source)


def _places(registries: Sequence[DockerSource], name: str) -> list[tuple[DockerSource, Reference]]:
    """Where the image may be, and what it is called there."""
    places = [
        (source, parse_reference(name, default_index=source.config.url.reveal()))
        for source in registries
    ]
    indexes = {reference.index for _, reference in places}
    if len(indexes) > 1 or len(places) == 1:
        return places
    # The name says which registry. That is asked as it is configured, if it is.
    own = [place for place in places if parse_index(place[0].config.url.reveal()).name in indexes]
    return own[:1] or places[:1]
