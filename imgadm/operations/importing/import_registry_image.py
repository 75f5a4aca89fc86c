"""Import of an image from a Docker registry: an image for each of its layers, base first."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from imgadm.base.errors import ImgadmError
from imgadm.manifest import Manifest
from imgadm.manifest.docker import with_tags_of
from imgadm.operations.errors import OriginNotInstalledError
from imgadm.operations.events import (
    Aborting,
    AlreadyInstalled,
    AncestorInstalled,
    AncestryWanted,
    Event,
    ImageDoubted,
    ImportBegins,
    InstalledMeanwhile,
    TransferPlanned,
)
from imgadm.operations.importing.checks import ImportOptions, check_space, lock_for
from imgadm.operations.importing.layer_trust import check_installed_layers
from imgadm.operations.importing.receive_layers import make_root, receive_layers
from imgadm.operations.importing.registry_images import RegistryImage
from imgadm.pools.base import InstalledImage, Pool


def import_registry_image(
    pool: Pool,
    image: RegistryImage,
    options: ImportOptions,
    on_event: Callable[[Event], None],
) -> None:
    """Import ``image``: those of its layers that are not on the pool.

    One that is there already gets the tag that it was asked for by. An error leaves those layers
    that are complete, each an image, and nothing else.
    """
    head = image.manifests[-1]
    installed = pool.get(head.uuid)
    if installed is not None and not pool.lacks_root(installed):
        _check_installed(pool, image, len(image.manifests))
        if _lacks_tag(installed, head):
            with lock_for(pool, head.uuid, options, on_event):
                _record_tag(pool, head)
        on_event(AlreadyInstalled(installed, image.registry))
        return
    on_event(ImportBegins(head, image.registry, None, image.title))
    for doubt in image.remote.doubts:
        on_event(ImageDoubted(head.uuid, doubt))
    on_event(AncestryWanted(head.uuid))
    there = _count_installed(pool, image.manifests)
    _check_installed(pool, image, there)
    for member in reversed(image.manifests[: min(there, len(image.manifests) - 1)]):
        on_event(AncestorInstalled(member.uuid))
    with ExitStack() as locks:
        for member in reversed(image.manifests[there:] or [head]):
            locks.enter_context(lock_for(pool, member.uuid, options, on_event))
        if 0 < there < len(image.manifests):
            base = image.manifests[there - 1].uuid
            locks.enter_context(lock_for(pool, base, options, on_event, shared=True))
            if pool.get(base) is None:
                raise OriginNotInstalledError(base, pool.name)
        _import_missing(pool, image, on_event)


def _import_missing(pool: Pool, image: RegistryImage, on_event: Callable[[Event], None]) -> None:
    """Import what is missing by now; all of that is locked."""
    manifests = image.manifests
    head = manifests[-1]
    there = _count_installed(pool, manifests)
    _check_installed(pool, image, there)
    base = pool.get(manifests[there - 1].uuid) if there else None
    if there == len(manifests) and base is not None:
        if not pool.lacks_root(base):
            _record_tag(pool, head)
            on_event(InstalledMeanwhile(head))
            return
        pool.check()
        make_root(pool, base, head, on_event)
        _record_tag(pool, head)
        return
    layers = [image.incoming(index) for index in range(there, len(manifests))]
    sizes = [layer.size for layer in layers]
    try:
        pool.check()
        check_space(pool, sum(size or 0 for size in sizes))
        total = None if None in sizes else sum(size or 0 for size in sizes)
        on_event(TransferPlanned(len(layers), total))
        receive_layers(
            pool,
            layers,
            source=image.registry,
            base=base,
            on_event=on_event,
            below=image.digests[:there],
        )
    except ImgadmError as error:
        on_event(Aborting(error.message))
        raise


def _count_installed(pool: Pool, manifests: list[Manifest]) -> int:
    """How many of a chain's images, from the base up, need not be imported."""
    for index in range(len(manifests), 0, -1):
        if pool.get(manifests[index - 1].uuid) is not None:
            return index
    return 0


def _check_installed(pool: Pool, image: RegistryImage, count: int) -> None:
    """Raise LayerNotVerifiedError unless the pool has the lowest ``count`` layers of ``image``."""
    digests = image.digests[:count]
    check_installed_layers(pool, image.manifests[:count], digests, registry=image.registry)


def _lacks_tag(installed: InstalledImage, wanted: Manifest) -> bool:
    return with_tags_of(installed.manifest, wanted.raw) != installed.manifest


def _record_tag(pool: Pool, wanted: Manifest) -> None:
    """Let the record say that the image, which is locked, was also asked for by this name."""
    installed = pool.get(wanted.uuid)
    if installed is not None and _lacks_tag(installed, wanted):
        manifest = with_tags_of(installed.manifest, wanted.raw)
        pool.record(installed, manifest, source=installed.source)
