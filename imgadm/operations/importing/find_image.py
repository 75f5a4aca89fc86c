"""The search for an active image in the sources, in their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from imgadm.manifest import Manifest
from imgadm.operations.errors import ActiveImageNotFoundError
from imgadm.operations.events import Event, SourceFailed
from imgadm.operations.in_parallel import combined
from imgadm.sources import Source, SourceError


@dataclass(frozen=True)
class FoundImage:
    """An active image in the first source that has it; ``others`` are the sources after that."""

    image: Manifest
    source: Source
    others: Sequence[Source]


def find_active_image(
    sources: Sequence[Source], uuid: str, on_event: Callable[[Event], None]
) -> FoundImage:
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
            return FoundImage(image, source, sources[index + 1 :])
    if failures:
        raise combined([failure.bare() for failure in failures])
    raise ActiveImageNotFoundError(uuid)
