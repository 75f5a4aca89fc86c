"""Which source has an image, and which others can stand in for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from imgadm.base.errors import ImgadmError
from imgadm.manifest import Manifest
from imgadm.operations.errors import ActiveImageNotFoundError
from imgadm.operations.events import Event, SourceFailed
from imgadm.operations.in_parallel import combined
from imgadm.sources import Source, SourceError


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
    failures: list[SourceError] = []
    for index, source in enumerate(sources):
        try:
            found = source.get_image(uuid)
        except SourceError as error:
            failures.append(error)
            continue
        image = None if found is None else Manifest.of(found)
        if image is not None and image.state == "active":
            for failure in failures:
                on_event(SourceFailed(failure.message))
            return Offer(image, source, sources[index + 1 :])
    if failures:
        raise combined([failure.bare() for failure in failures])
    raise ActiveImageNotFoundError(uuid)


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
