"""What an operator may name an image by."""

from __future__ import annotations

import json
import re

from imgadm.errors import UsageError
from imgadm.manifest import is_uuid

#: A Docker pull argument, ``[SCHEME://][HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]``.
_REFERENCE = re.compile(
    r"(?:https?://)?(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?[a-z0-9_-]+(?:[/.][a-z0-9_.-]+)*"
    r"(?::[A-Za-z0-9_.-]{1,128})?(?:@[a-z0-9]+:[0-9a-fA-F]{32,})?"
)


def check_image_argument(argument: str) -> str:
    """Return ``argument`` if it can name an image: a UUID, or the name of a Docker image.

    Raises UsageError otherwise.
    """
    if is_uuid(argument) or _REFERENCE.fullmatch(argument):
        return argument
    raise UsageError(f"invalid image-id arg: {json.dumps(argument, ensure_ascii=False)}")


def names_registry_image(argument: str) -> bool:
    """Whether ``argument`` is the name of an image in a registry; a UUID never is."""
    return not is_uuid(argument) and _REFERENCE.fullmatch(argument) is not None
