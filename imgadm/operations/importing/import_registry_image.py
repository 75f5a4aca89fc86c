"""Import of an image by its name from a Docker registry: an image for each of its layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from imgadm.manifest import Manifest
from imgadm.manifest.docker import with_tags_of
from imgadm.operations.events.event import OnEvent, SourceFailed
from imgadm.operations.events.importing import (
    AncestorInstalled,
    AncestryWanted,
    ImageDoubted,
    ImportBegins,
    TransferPlanned,
)
from imgadm.operations.importing.import_steps import (
    ImportChain,
    ImportOptions,
    ImportRequest,
    run_import,
)
from imgadm.operations.importing.layer_trust import check_installed_layers
from imgadm.operations.importing.receive_layers import receive_layers
from imgadm.operations.importing.registry_images import RegistryImage, find_registry_image
from imgadm.pools.base import Pool
from imgadm.pools.images import InstalledImage
from imgadm.registry import Platform
from imgadm.sources.docker_source import DockerSource


def import_registry_image(
    pool: Pool,
    registries: Sequence[DockerSource],
    name: str,
    platform: Platform,
    options: ImportOptions,
    on_event: OnEvent,
) -> None:
    """Import the image that one of ``registries`` has under ``name`` for ``platform``.

    Layers that the pool has already are not downloaded. Importing by name an image that is
    installed only as a layer gives it that name, its configuration and its file tree, without a
    download; another tag of an installed image is added to its record. Raises an ImgadmError. An
    error leaves those layers that are complete, each an image, and nothing else.
    """
    image = find_registry_image(
        registries,
        name,
        platform,
        on_failure=lambda error: on_event(SourceFailed(error.message)),
    )
    run_import(pool, _NamedImage(pool, image, on_event), options, on_event)


class _NamedImage(ImportRequest):
    """An image of a registry."""

    def __init__(self, pool: Pool, image: RegistryImage, on_event: OnEvent) -> None:
        self.uuid = image.manifests[-1].uuid
        self.registry = image.registry
        self._pool = pool
        self._image = image
        self._on_event = on_event

    def check_installed(self) -> None:
        self._check_lowest(len(self._image.manifests))

    def manifest_for(self, installed: InstalledImage) -> Mapping[str, Any]:
        return with_tags_of(installed.manifest, self._image.manifests[-1].raw)

    def begin_completion(self) -> None:
        image = self._image
        self._on_event(ImportBegins(image.manifests[-1], image.registry, None, image.title))
        for doubt in image.remote.doubts:
            self._on_event(ImageDoubted(self.uuid, doubt))

    def look_up(self) -> ImportChain:
        self.begin_completion()
        self._on_event(AncestryWanted(self.uuid))
        *below, head = self._image.manifests
        there = self._count_installed(below)
        self._check_lowest(there)
        for image in reversed(below[:there]):
            self._on_event(AncestorInstalled(image.uuid))
        base = below[there - 1].uuid if there else None
        return ImportChain([head, *reversed(below[there:])], base)

    def least_size(self, missing: Sequence[Manifest]) -> int:
        return sum(size or 0 for size in self._sizes(missing))

    def receive(self, missing: Sequence[Manifest]) -> None:
        there = len(self._image.manifests) - len(missing)
        self._check_lowest(there)
        sizes = self._sizes(missing)
        total = None if None in sizes else sum(size or 0 for size in sizes)
        self._on_event(TransferPlanned(len(missing), total))
        receive_layers(
            self._pool,
            [self._image.incoming(index) for index in range(there, len(self._image.manifests))],
            source=self._image.registry,
            base=self._pool.get(self._image.manifests[there - 1].uuid) if there else None,
            on_event=self._on_event,
            below=self._image.digests[:there],
        )

    def _sizes(self, missing: Sequence[Manifest]) -> list[int | None]:
        """Return the sizes of the ``missing`` layers in bytes, each None if it is not known."""
        return [layer.size for layer in self._image.remote.layers[-len(missing) :]]

    def _count_installed(self, manifests: Sequence[Manifest]) -> int:
        """Return how many of ``manifests``, from the base up, the pool has already."""
        for count in range(len(manifests), 0, -1):
            if self._pool.get(manifests[count - 1].uuid) is not None:
                return count
        return 0

    def _check_lowest(self, count: int) -> None:
        """Raise LayerNotVerifiedError unless the pool has the lowest ``count`` layers."""
        image = self._image
        check_installed_layers(
            self._pool, image.manifests[:count], image.digests[:count], registry=image.registry
        )
