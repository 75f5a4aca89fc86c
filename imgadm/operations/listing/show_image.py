"""The manifest of an image that a source has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from imgadm.base.errors import ImgadmError
from imgadm.operations.errors import ImageNotFoundError
from imgadm.operations.in_parallel import combined
from imgadm.sources import SourceError

if TYPE_CHECKING:
    from imgadm.sources import Source


def show_image(
    sources: Sequence[Source], image: str, *, on_failure: Callable[[ImgadmError], None]
) -> dict[str, Any]:
    """Return the manifest that the first source in order has, whatever the image's state.

    A source that fails does not stop the search: if a later one has the image, ``on_failure`` gets
    the errors. Raises ImageNotFoundError, or the errors if nobody has it.
    """
    failures: list[SourceError] = []
    for source in sources:
        try:
            manifest = source.get_image(image)
        except SourceError as error:
            failures.append(error)
            continue
        if manifest is not None:
            for failure in failures:
                on_failure(failure)
            return manifest
    if failures:
        raise combined([failure.bare() for failure in failures])
    raise ImageNotFoundError(image)
