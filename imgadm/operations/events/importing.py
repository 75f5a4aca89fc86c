"""The events of imports and installations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imgadm.operations.events.event import Event

if TYPE_CHECKING:
    from imgadm.manifest import Manifest
    from imgadm.pools.images import InstalledImage
    from imgadm.streams import Report


@dataclass(frozen=True)
class ImportBegins(Event):
    """The source at ``url`` has the image.

    ``channel`` is the one that an option asked for, else None. ``reference`` is the name by which a
    registry knows the image, None for other sources.
    """

    image: Manifest
    url: str
    channel: str | None
    reference: str | None = None


@dataclass(frozen=True)
class InstallBegins(Event):
    """The manifest of an image on this host was read."""

    image: Manifest


@dataclass(frozen=True)
class AlreadyInstalled(Event):
    """The image is on the pool, and there is nothing to do.

    ``source`` is the registry that said which image is wanted, None if no registry was asked.
    """

    installed: InstalledImage
    source: str | None = None


@dataclass(frozen=True)
class AncestryWanted(Event):
    """The operation is about to look up the images that the image ``uuid`` is based on."""

    uuid: str


@dataclass(frozen=True)
class AncestorInstalled(Event):
    """The image ``uuid``, which the wanted one is based on, is on the pool already."""

    uuid: str


@dataclass(frozen=True)
class InstalledMeanwhile(Event):
    """Another process, which held the lock of the image, has installed it."""

    image: Manifest


@dataclass(frozen=True)
class TransferPlanned(Event):
    """The operation is about to receive ``count`` images.

    ``size`` is the size of their files in bytes, None if that of one file is not known.
    """

    count: int
    size: int | None


@dataclass(frozen=True)
class FileVerified(Event):
    """The whole file of the image, ``size`` bytes, has arrived and passed its checks."""

    image: Manifest
    size: int


@dataclass(frozen=True)
class LayerInstalled(Event):
    """An image that the wanted one is based on is on the pool now."""

    image: Manifest


@dataclass(frozen=True)
class ImageInstalled(Event):
    """The wanted image is on the pool now."""

    image: Manifest
    report: Report


@dataclass(frozen=True)
class ImageDoubted(Event):
    """A claim of a source or of a record about the image ``uuid`` does not hold.

    The claim may also be about an image that this one is based on. ``message`` says what was found,
    and what to do about it. The import goes on.
    """

    uuid: str
    message: str


@dataclass(frozen=True)
class ProgramSaid(Event):
    """An external program that failed wrote ``text`` to its standard error."""

    program: str
    text: str


@dataclass(frozen=True)
class Aborting(Event):
    """The operation gives up; the error that has this ``message`` is raised next."""

    message: str
