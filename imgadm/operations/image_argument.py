"""What an operator may name an image by."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from imgadm.errors import NotSupportedError, UsageError
from imgadm.manifest import is_uuid

if TYPE_CHECKING:
    from imgadm.sources import SourceConfig

#: A Docker pull argument, ``[SCHEME://][HOST[:PORT]/]REPOSITORY[:TAG|@DIGEST]``.
_REFERENCE = re.compile(
    r"(?:https?://)?(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?[a-z0-9_-]+(?:[/.][a-z0-9_.-]+)*"
    r"(?::[A-Za-z0-9_.-]{1,128}|@[a-z0-9]+:[0-9a-fA-F]{32,})?"
)


def check_image_argument(argument: str) -> str:
    """Return ``argument`` if it can name an image: a UUID, or the name of a Docker image.

    Raises UsageError otherwise.
    """
    if is_uuid(argument) or _REFERENCE.fullmatch(argument):
        return argument
    raise UsageError(f"invalid image-id arg: {json.dumps(argument, ensure_ascii=False)}")


def refuse_registry_image(argument: str, configs: Iterable[SourceConfig]) -> None:
    """Raise NotSupportedError for the name of a Docker image where a registry may well have it.

    No other source has images that are named so.
    """
    registry = next((config for config in configs if config.type == "docker"), None)
    if registry is not None and not is_uuid(argument) and _REFERENCE.fullmatch(argument):
        raise NotSupportedError(
            f'cannot ask {registry.display} for "{argument}": this version of imgadm does not '
            "fetch images from Docker registries, name an image of another source by its UUID"
        )
