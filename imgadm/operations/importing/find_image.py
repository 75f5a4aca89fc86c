"""The search for an active image in the sources, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from imgadm.manifest import Manifest
from imgadm.operations.asking import ask_in_order
from imgadm.operations.errors import ActiveImageNotFoundError
from imgadm.operations.events.event import OnEvent, SourceFailed
from imgadm.sources import Source


@dataclass(frozen=True)
class ActiveImage:
    """An active image, the first source that has it, and the ``others`` that come after that."""

    image: Manifest
    source: Source
    others: Sequence[Source]


def find_active_image(sources: Sequence[Source], uuid: str, on_event: OnEvent) -> ActiveImage:
    """Return the image ``uuid`` of the first source, in their order, that has it active.

    ``on_event`` is told which sources failed before that. Raises ActiveImageNotFoundError, or the
    errors of the sources if one of them failed and none has the image.
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
