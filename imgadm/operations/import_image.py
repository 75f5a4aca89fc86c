"""Import of an image and of everything that it is based on, base first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace

from imgadm import streams
from imgadm.errors import (
    ActiveImageNotFoundError,
    ImgadmError,
    InvalidManifestError,
    OriginNotFoundInSourceError,
)
from imgadm.manifest import Manifest
from imgadm.operations.events import (
    Aborting,
    AncestorInstalled,
    AncestryWanted,
    Event,
    ImportBegins,
    InstalledMeanwhile,
    SourceFailed,
    TransferPlanned,
)
from imgadm.operations.checks import ImportOptions, check_limits, check_space, lock_for
from imgadm.operations.in_parallel import combined
from imgadm.operations.transfer import transfer
from imgadm.pools.base import InstalledImage, Pool
from imgadm.sources import Source, SourceError

#: Images that one chain of origins may have at most.
MAX_CHAIN = 100


def import_image(
    pool: Pool,
    sources: Sequence[Source],
    uuid: str,
    options: ImportOptions,
    on_event: Callable[[Event], None],
) -> InstalledImage | None:
    """Import the active image ``uuid`` from the first of ``sources`` that has it.

    Returns the installed image if it was on the pool before, in which case nobody was asked.
    The whole chain is looked up and checked before the first byte moves. An error leaves those
    images of the chain that are complete, and nothing else.
    """
    installed = pool.get(uuid)
    if installed is not None:
        return installed
    finding = _Finding(sources, uuid, on_event)
    source, image = finding.first()
    on_event(ImportBegins(image, source.url, source.config.channel))
    on_event(AncestryWanted(uuid))
    chain = _missing_chain(pool, source, image, on_event)
    with ExitStack() as locks:
        for member in chain:
            locks.enter_context(lock_for(member.uuid, options, on_event))
        if pool.get(uuid) is not None:
            on_event(InstalledMeanwhile(image))
            return None
        missing = [member for member in chain if pool.get(member.uuid) is None]
        try:
            _check(pool, missing, options)
            sizes = [0 if member.file is None else member.file.size for member in missing]
            known = None if options.zstream or None in sizes else sum(filter(None, sizes))
            on_event(TransferPlanned(len(missing), known))
            for member in reversed(missing):
                _import_one(pool, finding, member, options, on_event)
        except ImgadmError as error:
            on_event(Aborting(error.message))
            raise
    return None


class _Finding:
    """The sources in order: who has the image, and who else if that one fails."""

    def __init__(
        self, sources: Sequence[Source], uuid: str, on_event: Callable[[Event], None]
    ) -> None:
        self._uuid = uuid
        self._on_event = on_event
        self._failures: list[SourceError] = []
        self._candidates = self._find(sources)
        self.current: Source | None = None

    def _find(self, sources: Sequence[Source]) -> Iterator[tuple[Source, Manifest]]:
        for source in sources:
            try:
                found = source.get_image(self._uuid)
            except SourceError as error:
                self._failures.append(error)
                continue
            image = None if found is None else Manifest.of(found)
            if image is not None and image.state == "active":
                for failure in self._failures:
                    self._on_event(SourceFailed(failure.message))
                self._failures.clear()
                self.current = source
                yield source, image

    def first(self) -> tuple[Source, Manifest]:
        """The first source that offers the image, and its manifest there."""
        found = next(self._candidates, None)
        if found is not None:
            return found
        if self._failures:
            raise combined([failure.bare() for failure in self._failures])
        raise ActiveImageNotFoundError(self._uuid)

    def next_mirror(self, failure: str) -> bool:
        """Go on with the next source that offers the image; whether there is one."""
        if next(self._candidates, None) is None:
            return False
        self._on_event(SourceFailed(failure))
        return True


def _missing_chain(
    pool: Pool, source: Source, image: Manifest, on_event: Callable[[Event], None]
) -> list[Manifest]:
    """``image`` and those of its ancestors that are not installed, the image first.

    From the first installed one on, the chain is that of the records.
    """
    missing = [image]
    seen = {image.uuid}
    origin = image.origin
    while origin is not None:
        if origin in seen:
            raise InvalidManifestError(
                f"the origins of image {image.uuid} form a loop: {origin} is its own ancestor"
            )
        if len(seen) >= MAX_CHAIN:
            raise InvalidManifestError(f"image {image.uuid} has more than {MAX_CHAIN} ancestors")
        seen.add(origin)
        installed = pool.get(origin)
        if installed is not None:
            on_event(AncestorInstalled(origin))
            recorded = installed.manifest.get("origin")
            origin = recorded if isinstance(recorded, str) else None
            continue
        ancestor = _get_ancestor(source, origin)
        missing.append(ancestor)
        origin = ancestor.origin
    return missing


def _get_ancestor(source: Source, uuid: str) -> Manifest:
    try:
        found = source.get_image(uuid)
    except SourceError as error:
        raise error.bare() from error
    if found is None:
        raise OriginNotFoundInSourceError(uuid, source.url)
    return Manifest.of(found)


def _check(pool: Pool, images: Sequence[Manifest], options: ImportOptions) -> None:
    """Fail before a byte has moved if it is plain that the import can't succeed."""
    check_limits(images)
    for image in images:
        if image.file is None and not options.zstream:
            raise InvalidManifestError(f'image {image.uuid} has no file ("files" is empty)')
    pool.check()
    check_space(pool, images)


def _import_one(
    pool: Pool,
    finding: _Finding,
    image: Manifest,
    options: ImportOptions,
    on_event: Callable[[Event], None],
) -> None:
    """Import from the current source, or from the next mirror if that can't deliver."""
    origin = None if image.origin is None else pool.get(image.origin)
    if options.zstream:
        image = replace(image, file=None)
    while True:
        source = finding.current
        assert source is not None
        request = source.file_request(image.uuid)
        try:
            transfer(
                pool,
                image,
                fetch=streams.http_get(
                    request.url,
                    session=request.session,
                    headers=request.headers,
                    size=None if image.file is None else image.file.size,
                    length_required=not options.zstream,
                ),
                compression="none" if image.file is None else image.file.compression,
                source=source.config.url,
                origin=origin,
                on_event=on_event,
            )
        except ImgadmError as error:
            lost = isinstance(error.cause, streams.FetchError | streams.SizeError)
            if lost and finding.next_mirror(f"{source.url}: {error.message}"):
                continue
            raise
        return

