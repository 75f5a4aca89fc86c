"""The look-up of many images in the sources, each by a request of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from imgadm.base.errors import ImgadmError
from imgadm.manifest import Manifest
from imgadm.manifest.errors import InvalidManifestError
from imgadm.operations.ask_servers import ask_ahead, ask_in_order
from imgadm.sources import Source, SourceError, UnreachableError

_AT_ONCE = 8
"""The number of images that are looked up at the same time."""


@dataclass(frozen=True)
class Found:
    """An image in any state, and the first source that has it."""

    image: Manifest
    source: Source


@dataclass(frozen=True)
class ImageLookup:
    """The outcome of asking for one image.

    ``found`` is None if no source has the image. ``failures`` are the errors of the sources that
    were asked before.
    """

    found: Found | None
    failures: Sequence[SourceError]


def look_up_images(sources: Sequence[Source], uuids: Iterable[str]) -> Iterator[ImageLookup]:
    """Yield the outcome for each of ``uuids``, in their order.

    For each image the ``sources`` are asked one after the other. A source that could not be
    reached is not asked again; its failure counts for the images that follow as well.
    """
    lost: dict[Source, UnreachableError] = {}

    def get(source: Source, uuid: str) -> Manifest | None:
        if source in lost:
            raise lost[source].with_traceback(None)  # else it would grow with each image
        try:
            return _get(source, uuid)
        except UnreachableError as error:
            lost[source] = error
            raise

    def look_up(uuid: str) -> ImageLookup:
        inquiry = ask_in_order(lambda source: get(source, uuid), sources)
        if inquiry.hit is None:
            return ImageLookup(None, inquiry.failures)
        source, image = inquiry.hit
        return ImageLookup(Found(image, source), inquiry.failures)

    waiting = iter(uuids)
    # One image goes first, so that one request is enough to find that a source is unreachable.
    for some, at_once in ((islice(waiting, 1), 1), (waiting, _AT_ONCE)):
        for answer in ask_ahead(look_up, some, at_once=at_once):
            if isinstance(answer, ImgadmError):
                raise answer
            yield answer


def _get(source: Source, uuid: str) -> Manifest | None:
    manifest = source.get_image(uuid)
    try:
        return None if manifest is None else Manifest.of(manifest)
    except InvalidManifestError as error:
        reason = f"image {uuid}: {error.message}"
        raise SourceError(source.url, reason, code=error.code, image=uuid, cause=error) from error
