"""The events of publications."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imgadm.operations.events.event import Event

if TYPE_CHECKING:
    from imgadm.manifest import Manifest
    from imgadm.streams import Report


@dataclass(frozen=True)
class ManifestAccepted(Event):
    """The server has made an image of the manifest, in the given ``state`` and without a file.

    All fields are as the server reports them.
    """

    uuid: str
    name: str
    version: str
    state: str


@dataclass(frozen=True)
class FileAdded(Event):
    """The server has the whole file of the image, and it is the right one.

    ``file`` is what the file is called on this host. ``size`` is in bytes, ``sha1`` in hexadecimal.
    """

    image: Manifest
    file: str
    compression: str
    size: int
    sha1: str
    report: Report


@dataclass(frozen=True)
class ImageActivated(Event):
    """Everybody can import the image from the server."""

    image: Manifest


@dataclass(frozen=True)
class ImagePublished(Event):
    """The publication is complete; ``url`` is the server's."""

    image: Manifest
    url: str


@dataclass(frozen=True)
class RemainsOnServer(Event):
    """The image could not be published whole and is still on the server; ``message`` says why."""

    uuid: str
    message: str
