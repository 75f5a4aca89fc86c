"""The contract of a catalogue: the images of a server, each a manifest and a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from imgadm.serve.content import GeneratedBytes, StoredBytes


class HostedImage(Protocol):
    """An image that a server offers."""

    @property
    def manifest(self) -> Mapping[str, Any]:
        """The manifest to serve, version 2."""

    def open_file(self) -> StoredBytes | GeneratedBytes | None:
        """Open the file that ``manifest["files"][0]`` describes; ``None`` if there is none.

        Raises :class:`OSError` or :class:`imgadm.base.errors.ImgadmError`. The client learns only
        that the server failed, without details.
        """


class Catalogue(Protocol):
    """The images of a server.

    Every request calls one of these methods, on the thread of its connection, so several threads
    may call them at once.
    """

    def images(self) -> Sequence[HostedImage]:
        """Return all images."""

    def find(self, uuid: str) -> HostedImage | None:
        """Return the image ``uuid``; ``None`` if there is none."""


@dataclass(frozen=True, slots=True)
class CombinedCatalogue:
    """Several catalogues as one.

    Of an image that two of ``parts`` have, the server offers the one in the first of them.
    """

    parts: Sequence[Catalogue]

    def images(self) -> Sequence[HostedImage]:
        """Return the images of all parts."""
        found: dict[str, HostedImage] = {}
        for part in self.parts:
            for image in part.images():
                found.setdefault(image.manifest["uuid"], image)
        return list(found.values())

    def find(self, uuid: str) -> HostedImage | None:
        """Return the image ``uuid`` of the first part that has it."""
        return next((image for part in self.parts if (image := part.find(uuid))), None)
