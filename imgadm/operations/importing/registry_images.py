"""The search for an image, by its name, in the configured Docker registries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from imgadm.base.errors import ImgadmError
from imgadm.manifest import Manifest
from imgadm.manifest.docker import layer_manifests
from imgadm.operations.ask_servers import ask_in_order
from imgadm.operations.errors import ActiveImageNotFoundError
from imgadm.operations.importing.layer_fetches import IncomingLayer
from imgadm.registry import NotInRegistryError, Platform, Reference, RemoteImage, parse_reference
from imgadm.registry.references.registry_names import parse_registry_name
from imgadm.sources.docker_source import DockerSource

if TYPE_CHECKING:
    from imgadm import streams


@dataclass(frozen=True)
class RegistryImage:
    """An image as a registry has it, and the images that its layers become here."""

    remote: RemoteImage
    source: DockerSource

    @property
    def title(self) -> str:
        """The name by which operators know the image, with its registry."""
        reference = self.remote.reference
        tag = f":{reference.tag}" if reference.tag else ""
        digest = f"@{reference.digest}" if reference.digest else ""
        return f"{reference.canonical_name}{tag}{digest}"

    @property
    def registry(self) -> str:
        """The URL of the registry that has the image, which need not be the configured one."""
        return self.source.registry_of(self.remote.reference)

    @property
    def digests(self) -> list[str]:
        """The digests of the layers as the registry stores them, base first."""
        return [layer.digest for layer in self.remote.layers]

    @cached_property
    def manifests(self) -> list[Manifest]:
        """The manifests of all layers, base first; the last is that of the image itself."""
        reference = self.remote.reference
        return [
            Manifest.of(manifest)
            for manifest in layer_manifests(
                self.digests, self.remote.config, repository=reference.local_name, tag=reference.tag
            )
        ]

    def incoming(self, index: int) -> IncomingLayer:
        """Return the layer number ``index``, counted from the base, as the registry sends it."""
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
    """Return the image that a registry has under ``name`` for ``platform``.

    If ``name`` includes no registry, all ``registries`` are asked in their order, otherwise only
    the one that it includes. ``on_failure`` gets the errors of the registries that failed before
    one had the image. Raises ActiveImageNotFoundError, InvalidDockerRepoError, and the errors of
    the registries.
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
    """Return the registries that may have the image, and its name in each."""
    places = [
        (source, parse_reference(name, default_registry=source.config.url.reveal()))
        for source in registries
    ]
    named = {reference.registry for _, reference in places}
    if len(named) > 1 or len(places) == 1:
        return places
    # The name includes the registry. If that is configured, its configured source is asked.
    own = [
        place for place in places if parse_registry_name(place[0].config.url.reveal()).name in named
    ]
    return own[:1] or places[:1]
