"""The images that the sources offer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imgadm.errors import ClientError, ImgadmError
from imgadm.operations.filters import Filters, matches
from imgadm.operations.in_parallel import in_parallel
from imgadm.operations.rows import ListedImage, image_row
from imgadm.sources import SourceError

if TYPE_CHECKING:
    from imgadm.sources import Source


@dataclass(frozen=True)
class Offer:
    """The images on offer, and the errors of the sources that did not answer."""

    images: list[ListedImage]
    failures: list[ImgadmError]


def avail_images(
    sources: Sequence[Source], filters: Filters, *, seconds: float | None = None
) -> Offer:
    """Ask all sources at once; an image that several have is that of the first in their order.

    What state an image is in is up to the sources: nothing is left out here but what does not
    match. A source that has not answered after ``seconds`` counts as one that failed.
    """

    def late(source: Source) -> ImgadmError:
        return ClientError(f"{source.url}: Error: no answer after {seconds:g} seconds")

    answers = in_parallel(lambda source: source.list_images(), sources, seconds=seconds, late=late)
    images: dict[object, ListedImage] = {}
    failures = []
    for source, answer in zip(sources, answers, strict=True):
        if isinstance(answer, ImgadmError):
            failures.append(answer.named() if isinstance(answer, SourceError) else answer)
            continue
        for manifest in answer:
            if manifest.get("uuid") not in images:
                images[manifest.get("uuid")] = _listed(manifest, source.url)
    matching = [image for image in images.values() if matches(image.row, filters)]
    return Offer(images=matching, failures=failures)


def _listed(manifest: dict[str, Any], url: str) -> ListedImage:
    return ListedImage(
        document={"manifest": manifest, "source": url}, row=image_row(manifest, source=url)
    )
