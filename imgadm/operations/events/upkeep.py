"""The events of updates and removals of installed images.

An update tells of a change when it is made. In a dry run the same events tell what would change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imgadm.operations.events.event import Event

if TYPE_CHECKING:
    from imgadm.base.errors import ImgadmError
    from imgadm.pools.images import InstalledImage


@dataclass(frozen=True)
class ManifestAdded(Event):
    """The record of the image had no manifest; now it has the one from the source at ``url``."""

    uuid: str
    url: str


@dataclass(frozen=True)
class ManifestUpdated(Event):
    """These ``fields`` of the recorded manifest differed from the one of the source at ``url``."""

    uuid: str
    url: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class SnapshotRenamed(Event):
    """The snapshot that the image was installed with is called ``@final`` again.

    ``old`` and ``new`` are its full names.
    """

    uuid: str
    old: str
    new: str


@dataclass(frozen=True)
class OriginalUnknown(Event):
    """The image has no ``@final``, and the source does not say which snapshot should become it."""

    uuid: str


@dataclass(frozen=True)
class OtherImage(Event):
    """A source has another image under the UUID of this one, whose record stays as it is.

    ``message`` says what differs.
    """

    uuid: str
    message: str


@dataclass(frozen=True)
class NotInSources(Event):
    """No source has the image, which stays as it is."""

    uuid: str


@dataclass(frozen=True)
class ImageRemoved(Event):
    """The image, or its record, is gone."""

    image: InstalledImage


@dataclass(frozen=True)
class ImageKept(Event):
    """The image has come into use since it was found unused; ``reason`` says how."""

    image: InstalledImage
    reason: str


@dataclass(frozen=True)
class RemovalFailed(Event):
    """The image could not be removed; the ``error`` is raised next."""

    image: InstalledImage
    error: ImgadmError
