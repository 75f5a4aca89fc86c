"""The images that the sources offer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imgadm.base.errors import ImgadmError
from imgadm.client.errors import ClientError
from imgadm.operations.asking import LateError, ask_all
from imgadm.operations.listing.filters import Filters, matching
from imgadm.operations.listing.rows import ListedImage
from imgadm.sources import SourceError

if TYPE_CHECKING:
    from imgadm.sources import Source


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
    """Ask all sources at once; an image that several have is that of the first in their order.

    What state an image is in is up to the sources: nothing is left out here but what does not
    match. ``on_slow`` hears of sources that are waited for; one that has not answered after
    ``seconds`` counts as one that failed.
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
