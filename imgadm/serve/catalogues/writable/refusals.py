"""The reasons why a writable folder does not do what a client asks for."""

from __future__ import annotations

from enum import Enum, auto


class Refusal(Enum):
    """Why a change was refused."""

    UNKNOWN = auto()
    """There is no such image."""
    TAKEN = auto()
    """There is an image with this UUID already."""
    NO_ORIGIN = auto()
    """The origin of the new image is not in the folder."""
    HAS_CHILDREN = auto()
    """Other images are based on the image."""
    ACTIVATED = auto()
    """The image is activated already."""
    IMMUTABLE = auto()
    """The image is activated, so its file stays as it is."""
    NO_FILE = auto()
    """The image has no file, so it cannot be activated."""
    UPLOADING = auto()
    """Another client is uploading the file of the image."""
    TOO_BIG = auto()
    """The file has more bytes than the server takes."""
    BAD_FILE = auto()
    """The file is empty, or has another SHA-1 than the client announced."""
    NO_SPACE = auto()
    """The disk of the server is full."""


class RefusedError(Exception):
    """A change that was refused, and the ``refusal``; nothing has changed."""

    def __init__(self, refusal: Refusal, message: str) -> None:
        super().__init__(message)
        self.refusal = refusal


def taken(uuid: str) -> RefusedError:
    """Return the error for a new image whose UUID another image has."""
    return RefusedError(Refusal.TAKEN, f'image uuid "{uuid}" already exists')


def unknown(uuid: str) -> RefusedError:
    """Return the error for an image that does not exist."""
    return RefusedError(Refusal.UNKNOWN, f'image "{uuid}" was not found')


def activated(uuid: str) -> RefusedError:
    """Return the error for a change that only an unactivated image allows."""
    return RefusedError(Refusal.ACTIVATED, f'image "{uuid}" is already activated')
