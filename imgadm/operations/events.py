"""What happens while images are imported and published, as data for whoever shows it."""

from __future__ import annotations

from dataclasses import dataclass

from imgadm.base.locks.holder import Holder
from imgadm.manifest import Manifest
from imgadm.pools.base import InstalledImage
from imgadm.streams import Report


@dataclass(frozen=True)
class Event:
    """Base of all events."""


@dataclass(frozen=True)
class ImportBegins(Event):
    """The image was found in the source ``url``; ``channel`` is the one asked for by option.

    ``reference`` is what a registry knows the image by.
    """

    image: Manifest
    url: str
    channel: str | None
    reference: str | None = None


@dataclass(frozen=True)
class InstallBegins(Event):
    """The manifest of a local file was read."""

    image: Manifest


@dataclass(frozen=True)
class AlreadyInstalled(Event):
    """There is nothing to do: the image is on the pool.

    ``source`` is the registry that was asked what the image is, None where nobody was.
    """

    installed: InstalledImage
    source: str | None = None


@dataclass(frozen=True)
class AncestryWanted(Event):
    """The chain of origins of the image is about to be looked up."""

    uuid: str


@dataclass(frozen=True)
class AncestorInstalled(Event):
    """An origin is on the pool already."""

    uuid: str


@dataclass(frozen=True)
class LockAwaited(Event):
    """Another process works on the image; ``holder`` says which, where that is known."""

    uuid: str
    holder: Holder | None


@dataclass(frozen=True)
class InstalledMeanwhile(Event):
    """Whoever held the lock has installed the image."""

    image: Manifest


@dataclass(frozen=True)
class TransferPlanned(Event):
    """So many images are to come; ``size`` is the bytes of their files, None if one is unknown."""

    count: int
    size: int | None


@dataclass(frozen=True)
class Transferring(Event):
    """Bytes are moving: sent several times a second with the live report of the pipeline."""

    image: Manifest
    report: Report


@dataclass(frozen=True)
class FileVerified(Event):
    """All bytes of the image file have come, and they are the right ones."""

    image: Manifest
    size: int


@dataclass(frozen=True)
class LayerInstalled(Event):
    """An image is on the pool that the one which is being installed is based on."""

    image: Manifest


@dataclass(frozen=True)
class ImageInstalled(Event):
    """The image is on the pool."""

    image: Manifest
    report: Report


@dataclass(frozen=True)
class ManifestAccepted(Event):
    """A server has made an image of the manifest, without a file as yet, in the ``state``."""

    uuid: str
    name: str
    version: str
    state: str


@dataclass(frozen=True)
class FileAdded(Event):
    """The server has the whole file, which is called ``file`` here, and it is the right one."""

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
    """All is done; ``url`` is the server's."""

    image: Manifest
    url: str


@dataclass(frozen=True)
class RemainsOnServer(Event):
    """An image that could not be published whole is still on the server, and why."""

    uuid: str
    message: str


@dataclass(frozen=True)
class SourceFailed(Event):
    """A source failed, and the next one is taken instead."""

    message: str


@dataclass(frozen=True)
class ImageDoubted(Event):
    """Something that was said of the image ``uuid``, or that it is based on, is not so.

    The import goes on; ``message`` says what was found, and what to do about it.
    """

    uuid: str
    message: str


@dataclass(frozen=True)
class ProgramSaid(Event):
    """An external program that failed wrote this to its standard error."""

    program: str
    text: str


@dataclass(frozen=True)
class Aborting(Event):
    """The transfer is given up; the error follows."""

    message: str
