"""The list of the images that the sources offer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from imgadm.base.errors import ImgadmError
from imgadm.client.errors import ClientError
from imgadm.operations.ask_servers import LateError, ask_all
from imgadm.operations.listing.filters import Filters, matching
from imgadm.operations.listing.rows import ListedImage
from imgadm.sources import Source, SourceError


@dataclass(frozen=True)
class AvailableImages:
    """The images that the sources offer, and the errors of the sources that did not answer."""

    images: Sequence[ListedImage]
    failures: list[ImgadmError]


def avail_images(
    sources: Sequence[Source],
    filters: Filters,
    *,
    on_slow: Callable[[Source], None] | None = None,
    seconds: float | None = None,
) -> AvailableImages:
    """Return the images of all ``sources`` that match ``filters``; the sources are asked at once.

    An image that several sources have is taken from the first of them in order. Images in any
    state are returned. ``on_slow`` gets each source without an answer after some seconds. A source
    without an answer after ``seconds`` counts as failed.
    """
    answers = ask_all(
        lambda source: source.list_images(), sources, on_slow=on_slow, seconds=seconds
    )
    images: dict[str, ListedImage] = {}
    failures = []
    for source, answer in zip(sources, answers, strict=True):
        if isinstance(answer, ImgadmError):
            failures.append(_named(answer, source.url))
            continue
        url = source.url
        for manifest in answer:
            images.setdefault(manifest["uuid"], ListedImage(manifest, url))
    return AvailableImages(matching(list(images.values()), filters), failures)


def _named(error: ImgadmError, url: str) -> ImgadmError:
    match error:
        case SourceError():
            return error.named()
        case LateError():
            return ClientError(f"{url}: Error: {error.message}")
    return error
