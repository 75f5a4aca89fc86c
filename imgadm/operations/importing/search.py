"""Which source has an image, and which others can stand in for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from imgadm.base.errors import ActiveImageNotFoundError, ImgadmError
from imgadm.manifest import Manifest
from imgadm.operations.asking import ask_in_order
from imgadm.operations.events import Event, SourceFailed
from imgadm.sources import Source


@dataclass(frozen=True)
class Offer:
    """An active image in the first source that has it; ``others`` are the sources after that."""

    image: Manifest
    source: Source
    others: Sequence[Source]


def find_active_image(
    sources: Sequence[Source], uuid: str, on_event: Callable[[Event], None]
) -> Offer:
    """Ask the sources one after the other; those that fail before the hit are named.

    Raises ActiveImageNotFoundError, or what the sources failed with if none has the image.
    """

    def active_image(source: Source) -> Manifest | None:
        found = source.get_image(uuid)
        image = None if found is None else Manifest.of(found)
        return image if image is not None and image.state == "active" else None

    inquiry = ask_in_order(active_image, sources)
    source, image = inquiry.required(
        ActiveImageNotFoundError(uuid),
        on_failure=lambda failure: on_event(SourceFailed(failure.message)),
    )
    return Offer(image, source, inquiry.rest)


class Mirrors:
    """The sources that can deliver the files of a chain of images.

    ``source`` is the one that the manifests came from. Another one is taken for a file only if
    it promises the same SHA-1.
    """

    def __init__(self, source: Source, others: Sequence[Source]) -> None:
        self._source = source
        self._in_order = [source, *others]

    def of(self, image: Manifest) -> Iterator[Source]:
        """Where to fetch the file, best first; nobody is asked before it is that one's turn."""
        for source in tuple(self._in_order):
            if source is self._source or _offers_same_file(source, image):
                yield source

    def demote(self, source: Source) -> None:
        """Take ``source`` last from now on: it has failed."""
        self._in_order.remove(source)
        self._in_order.append(source)


def _offers_same_file(source: Source, image: Manifest) -> bool:
    if image.file is None or image.file.sha1 is None:
        return False
    try:
        found = source.get_image(image.uuid)
        file = None if found is None else Manifest.of(found).file
    except ImgadmError:
        return False
    return file is not None and file.sha1 == image.file.sha1
