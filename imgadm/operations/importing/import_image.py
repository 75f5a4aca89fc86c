"""Import of an image by its UUID from an image server, with all that it is based on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby

from imgadm import streams
from imgadm.manifest import Manifest
from imgadm.manifest.errors import InvalidManifestError
from imgadm.operations.events.event import OnEvent
from imgadm.operations.events.importing import AncestryWanted, ImportBegins, TransferPlanned
from imgadm.operations.importing.image_sources import Mirrors, find_active_image
from imgadm.operations.importing.import_chain import look_up_chain
from imgadm.operations.importing.import_steps import (
    ImportChain,
    ImportOptions,
    ImportRequest,
    run_import,
)
from imgadm.operations.importing.layer_fetches import IncomingLayer
from imgadm.operations.importing.receive_image import receive_file
from imgadm.operations.importing.receive_layers import receive_layers
from imgadm.pools.base import Pool
from imgadm.sources import Source


def import_image(
    pool: Pool,
    open_sources: Callable[[], Sequence[Source]],
    uuid: str,
    options: ImportOptions,
    on_event: OnEvent,
) -> None:
    """Import the active image ``uuid`` from the first source that has it.

    ``open_sources`` returns the sources in the order to ask them. It is not called if the image is
    installed already. The whole chain of images is looked up and checked before the first byte
    moves. Raises an ImgadmError. An error leaves those images of the chain that are complete, and
    nothing else.
    """
    request = _ServedImage(pool, open_sources, uuid, options, on_event)
    run_import(pool, request, options, on_event)


class _ServedImage(ImportRequest):
    """An image of an image server."""

    _mirrors: Mirrors

    def __init__(
        self,
        pool: Pool,
        open_sources: Callable[[], Sequence[Source]],
        uuid: str,
        options: ImportOptions,
        on_event: OnEvent,
    ) -> None:
        self.uuid = uuid
        self._pool = pool
        self._open_sources = open_sources
        self._options = options
        self._on_event = on_event

    def look_up(self) -> ImportChain:
        found = find_active_image(self._open_sources(), self.uuid, self._on_event)
        self._mirrors = Mirrors(found.source, found.others)
        self._on_event(ImportBegins(found.image, found.source.url, found.source.config.channel))
        self._on_event(AncestryWanted(self.uuid))
        return look_up_chain(
            self._pool,
            found.source,
            found.image,
            self._on_event,
            verify_origins=self._options.verify_origins,
        )

    def check(self, missing: Sequence[Manifest]) -> None:
        for image in missing:
            if image.file is None and not self._options.zstream:
                raise InvalidManifestError(f'image {image.uuid} has no file ("files" is empty)')

    def receive(self, missing: Sequence[Manifest]) -> None:
        self._on_event(TransferPlanned(len(missing), self._total_size(missing)))
        for layered, images in groupby(missing, self._is_layer):
            if layered:
                self._receive_layers(list(images))
                continue
            for image in images:
                self._receive_one(image)

    def _is_layer(self, image: Manifest) -> bool:
        """Tell whether the file of ``image`` is a layer of a container image, not a ZFS stream."""
        return image.type == "docker" and not self._options.zstream

    def _total_size(self, images: Sequence[Manifest]) -> int | None:
        """Return the bytes to download, None if the size of one file is unknown."""
        total = 0
        for image in images:
            if self._options.zstream or image.file is None or image.file.size is None:
                return None
            total += image.file.size
        return total

    def _receive_one(self, image: Manifest) -> None:
        """Receive one image from the first source that can deliver its file."""
        if self._options.zstream:
            image = replace(image, file=None)
        origin = None if image.origin is None else self._pool.get(image.origin)

        def fetch(source: Source) -> None:
            receive_file(
                self._pool,
                image,
                fetch=_fetch(source, image, self._options),
                compression="none" if image.file is None else image.file.compression,
                source=source.url,
                origin=origin,
                on_event=self._on_event,
            )

        self._mirrors.deliver(image, fetch, self._on_event)

    def _receive_layers(self, images: Sequence[Manifest]) -> None:
        """Receive layers, each based on the one before, from the first source that can."""

        def fetch(source: Source) -> None:
            missing = [image for image in images if self._pool.get(image.uuid) is None]
            origin = missing[0].origin
            base = None if origin is None else self._pool.get(origin)
            receive_layers(
                self._pool,
                [
                    IncomingLayer.promised(image, partial(_fetch, source, image, self._options))
                    for image in missing
                ],
                source=source.url,
                base=base,
                on_event=self._on_event,
            )

        self._mirrors.deliver(images[-1], fetch, self._on_event)


def _fetch(source: Source, image: Manifest, options: ImportOptions) -> streams.Stage:
    request = source.file_request(image.uuid)
    patience = options.stall_timeout if request.patience is None else request.patience
    use_of_md5 = _use_of_md5(image, options)
    # To send the MD5, a server has to read the whole file first. If the MD5 is not used, this
    # header asks the server not to.
    spared = {"want-repr-digest": "md5=0"} if use_of_md5 == "ignored" else {}
    return streams.http_get(
        request.url,
        session=request.session,
        headers={**request.headers, **spared},
        size=None if image.file is None else image.file.size,
        length_required=not options.zstream,
        stall_timeout=min(options.stall_timeout, patience),
        content_md5=use_of_md5,
    )


def _use_of_md5(image: Manifest, options: ImportOptions) -> streams.UseOfMd5:
    """Return how to use the server's MD5, which matters only if the manifest has no checksum."""
    if image.file is not None and image.file.sha1 is not None:
        return "ignored"
    return "checked" if options.zstream or options.unverified else "required"
