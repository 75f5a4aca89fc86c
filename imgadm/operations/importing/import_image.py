"""Import of an image and of everything that it is based on, base first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from imgadm import streams
from imgadm.base.errors import ImgadmError
from imgadm.manifest import Manifest
from imgadm.manifest.errors import InvalidManifestError
from imgadm.operations.errors import OriginNotInstalledError
from imgadm.operations.events import (
    Aborting,
    AncestryWanted,
    Event,
    ImportBegins,
    InstalledMeanwhile,
    SourceFailed,
    TransferPlanned,
)
from imgadm.operations.importing.chain import look_up_ancestry
from imgadm.operations.importing.checks import (
    ImportOptions,
    check_limits,
    check_space,
    lock_for,
    size_of_files,
)
from imgadm.operations.importing.complete_image import complete_image, complete_locked_image
from imgadm.operations.importing.receive_image import transfer
from imgadm.operations.importing.search import Mirrors, find_active_image
from imgadm.pools.base import Pool
from imgadm.sources import Source

if TYPE_CHECKING:
    from imgadm.operations.importing.layer_fetches import IncomingLayer

#: Failures that are the source's, so that another source may do better.
_FAULTS_OF_SOURCE = (streams.FetchError, streams.SizeError, streams.ChecksumError)


def import_image(
    pool: Pool,
    sources: Sequence[Source],
    uuid: str,
    options: ImportOptions,
    on_event: Callable[[Event], None],
) -> None:
    """Import the active image ``uuid`` from the first of ``sources`` that has it.

    Nobody is asked if it is installed already. The whole chain is looked up and checked before
    the first byte moves. An error leaves those images of the chain that are complete, and nothing
    else.
    """
    installed = pool.get(uuid)
    if installed is not None:
        complete_image(pool, installed, options, on_event)
        return
    offer = find_active_image(sources, uuid, on_event)
    image, source = offer.image, offer.source
    on_event(ImportBegins(image, source.url, source.config.channel))
    on_event(AncestryWanted(uuid))
    ancestry = look_up_ancestry(
        pool, source, image, on_event, verify_origins=options.verify_origins
    )
    with ExitStack() as locks:
        for member in ancestry.missing:
            locks.enter_context(lock_for(pool, member.uuid, options, on_event))
        if ancestry.base is not None:
            locks.enter_context(lock_for(pool, ancestry.base, options, on_event, shared=True))
            if pool.get(ancestry.base) is None:
                raise OriginNotInstalledError(ancestry.base, pool.name)
        if pool.get(uuid) is not None:
            if not complete_locked_image(pool, uuid, on_event):
                on_event(InstalledMeanwhile(image))
            return
        missing = [member for member in ancestry.missing if pool.get(member.uuid) is None]
        mirrors = Mirrors(source, offer.others)
        try:
            _check(pool, missing, options)
            on_event(TransferPlanned(len(missing), _size_of(missing, options)))
            for layered, members in groupby(reversed(missing), partial(is_layer, options)):
                if layered:
                    _import_layers(pool, mirrors, list(members), options, on_event)
                    continue
                for member in members:
                    _import_one(pool, mirrors, member, options, on_event)
        except ImgadmError as error:
            on_event(Aborting(error.message))
            raise


def _check(pool: Pool, images: Sequence[Manifest], options: ImportOptions) -> None:
    """Fail before a byte has moved if it is plain that the import can't succeed."""
    check_limits(images)
    for image in images:
        if image.file is None and not options.zstream:
            raise InvalidManifestError(f'image {image.uuid} has no file ("files" is empty)')
    pool.check()
    check_space(pool, size_of_files(images))


def _size_of(images: Sequence[Manifest], options: ImportOptions) -> int | None:
    """Bytes to fetch; None if that is not known of all files."""
    total = 0
    for image in images:
        if options.zstream or image.file is None or image.file.size is None:
            return None
        total += image.file.size
    return total


def _import_one(
    pool: Pool,
    mirrors: Mirrors,
    image: Manifest,
    options: ImportOptions,
    on_event: Callable[[Event], None],
) -> None:
    """Import one image from the first source that can deliver its file."""
    if options.zstream:
        image = replace(image, file=None)
    origin = None if image.origin is None else pool.get(image.origin)

    def deliver(source: Source) -> None:
        transfer(
            pool,
            image,
            fetch=_fetch(source, image, options),
            compression="none" if image.file is None else image.file.compression,
            source=source.url,
            origin=origin,
            on_event=on_event,
        )

    _deliver_from_first(mirrors, image, deliver, on_event)


def _deliver_from_first(
    mirrors: Mirrors,
    image: Manifest,
    deliver: Callable[[Source], None],
    on_event: Callable[[Event], None],
) -> None:
    """Have one source after the other ``deliver``, until one of those that have ``image`` can.

    Raises what the last of them failed with, and at once what is no source's fault.
    """
    failure: ImgadmError | None = None
    failed = ""
    for source in mirrors.of(image):
        if failure is not None:
            message = f'{failed}: {failure.message}; going on with "{source.url}"'
            on_event(SourceFailed(message))
        try:
            deliver(source)
        except ImgadmError as error:
            if not isinstance(error.cause, _FAULTS_OF_SOURCE):
                raise
            mirrors.demote(source)
            failure, failed = error, source.url
        else:
            return
    assert failure is not None
    raise failure


def is_layer(options: ImportOptions, image: Manifest) -> bool:
    """Whether the file of an image is the layer of a container image, and no ZFS stream."""
    return image.type == "docker" and not options.zstream


def _import_layers(
    pool: Pool,
    mirrors: Mirrors,
    images: list[Manifest],
    options: ImportOptions,
    on_event: Callable[[Event], None],
) -> None:
    """Import images that are layers of each other, base first, from the first source that can."""
    from imgadm.operations.importing.layer_trust import check_claims, installed_digests
    from imgadm.operations.importing.receive_layers import receive_layers

    def deliver(source: Source) -> None:
        missing = [image for image in images if pool.get(image.uuid) is None]
        origin = missing[0].origin
        base = None if origin is None else pool.get(origin)
        below = installed_digests(pool, base)
        check_claims(missing, below)
        receive_layers(
            pool,
            [_incoming(source, image, options) for image in missing],
            source=source.url,
            base=base,
            on_event=on_event,
            below=below,
        )

    _deliver_from_first(mirrors, images[-1], deliver, on_event)


def _incoming(source: Source, image: Manifest, options: ImportOptions) -> IncomingLayer:
    from imgadm.operations.importing.layer_fetches import IncomingLayer
    from imgadm.operations.importing.layer_trust import claimed_digest

    assert image.file is not None
    return IncomingLayer(
        image,
        partial(_fetch, source, image, options),
        digest=claimed_digest(image.raw),
        sha1=image.file.sha1,
        size=image.file.size,
        compression=image.file.compression,
    )


def _fetch(source: Source, image: Manifest, options: ImportOptions) -> streams.Stage:
    request = source.file_request(image.uuid)
    patience = options.stall_timeout if request.patience is None else request.patience
    use_of_md5 = _use_of_md5(image, options)
    # A server need not read a file through before it sends that, for a checksum without a use.
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
    """What the server's checksum is for: it counts where the manifest has none."""
    if image.file is not None and image.file.sha1 is not None:
        return "ignored"
    return "checked" if options.zstream or options.unverified else "required"
