"""Errors about the lack of sources, and about a source that fails its check."""

from __future__ import annotations

from imgadm.base.errors import ImgadmError


class NoSourcesError(ImgadmError):
    """No image source is configured."""

    code = "NoSources"

    def __init__(self) -> None:
        super().__init__("imgadm has no configured sources")


class SourcePingError(ImgadmError):
    """A source does not answer as a source of its type should."""

    code = "SourcePing"
