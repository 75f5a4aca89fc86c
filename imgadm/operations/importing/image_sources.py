"""The sources that have an image: the search for it, and the delivery of its files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from imgadm import streams
from imgadm.base.errors import ImgadmError
from imgadm.manifest import Manifest
from imgadm.operations.ask_servers import ask_in_order
from imgadm.operations.errors import ActiveImageNotFoundError
from imgadm.operations.events.event import OnEvent, SourceFailed
from imgadm.sources import Source

_FAULTS_OF_SOURCE = (streams.FetchError, streams.SizeError, streams.ChecksumError)
"""Failures of the source that sent the file. Another source may do better."""


@dataclass(frozen=True)
class ActiveImage:
    """An active image, the first source that has it, and the ``others`` that come after that."""

    image: Manifest
    source: Source
    others: Sequence[Source]


def find_active_image(sources: Sequence[Source], uuid: str, on_event: OnEvent) -> ActiveImage:
    """Return the image ``uuid`` of the first source, in their order, that has it active.

    ``on_event`` gets a SourceFailed for each source that failed before that. Raises
    ActiveImageNotFoundError, or the errors of the sources if one of them failed and none has the
    image.
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
    return ActiveImage(image, source, inquiry.rest)


class Mirrors:
    """The sources that can deliver the files of a chain of images.

    ``source`` is the one that the manifests came from. A file comes from one of the ``others`` only
    if that promises the same SHA-1.
    """

    def __init__(self, source: Source, others: Sequence[Source]) -> None:
        self._source = source
        self._in_order = [source, *others]

    def deliver(
        self,
        image: Manifest,
        fetch: Callable[[Source], None],
        on_event: OnEvent,
    ) -> None:
        """Call ``fetch`` with one source of ``image`` after the other until it succeeds.

        Raises at once an ImgadmError that is not the fault of a source, and otherwise the one that
        ``fetch`` raised for the last source.
        """
        failure: ImgadmError | None = None
        failed = ""
        for source in self._sources_of(image):
            if failure is not None:
                message = f'{failed}: {failure.message}; going on with "{source.url}"'
                on_event(SourceFailed(message))
            try:
                fetch(source)
            except ImgadmError as error:
                if not isinstance(error.cause, _FAULTS_OF_SOURCE):
                    raise
                self._demote(source)
                failure, failed = error, source.url
            else:
                return
        assert failure is not None
        raise failure

    def _sources_of(self, image: Manifest) -> Iterator[Source]:
        """Yield the sources of the file, best first. Each is asked only when its turn comes."""
        for source in tuple(self._in_order):
            if source is self._source or _promises_same_file(source, image):
                yield source

    def _demote(self, source: Source) -> None:
        """Try ``source`` last from now on, because it has failed."""
        self._in_order.remove(source)
        self._in_order.append(source)


def _promises_same_file(source: Source, image: Manifest) -> bool:
    if image.file is None or image.file.sha1 is None:
        return False
    try:
        found = source.get_image(image.uuid)
        file = None if found is None else Manifest.of(found).file
    except ImgadmError:
        return False
    return file is not None and file.sha1 == image.file.sha1
