"""The look-up of the manifest of an image in the sources."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from imgadm.base.errors import ImgadmError
from imgadm.operations.ask_servers import ask_in_order
from imgadm.operations.errors import ImageNotFoundError
from imgadm.sources import Source


def show_image(
    sources: Sequence[Source], image: str, *, on_failure: Callable[[ImgadmError], None]
) -> dict[str, Any]:
    """Return the manifest of ``image``, in any state, from the first source that has it.

    A source that fails does not stop the search: if a later one has the image, ``on_failure`` gets
    the errors. Raises ImageNotFoundError if no source has the image, and the errors of the failed
    sources if one of those might have it.
    """
    inquiry = ask_in_order(lambda source: source.get_image(image), sources)
    _, manifest = inquiry.required(ImageNotFoundError(image), on_failure=on_failure)
    return manifest
