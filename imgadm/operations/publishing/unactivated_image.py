"""An image on a server between its creation and its activation.

A publication that fails leaves the server as it was. So the image is deleted if this publication
made it, and if nobody else has begun to publish the same image by then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imgadm.base.errors import ImgadmError
from imgadm.client.errors import APIError
from imgadm.manifest import Manifest
from imgadm.operations.events.event import OnEvent
from imgadm.operations.events.publishing import RemainsOnServer
from imgadm.sources import (
    Repository,
    SourceError,
    StatusError,
    UnreachableError,
    UnusableReplyError,
)

_TAKEN = "ImageUuidAlreadyExists"
_UNFINISHED = (
    "the server has it unactivated and with another manifest: if no publication of it is running, "
    "one was killed, and DELETE /images/UUID on the server makes room for this one"
)
_TAKEN_OVER = "another publication has begun it; publish it again to take it over"
_PUBLISHED_BY_ANOTHER = (
    (409, "Upload"),
    (422, "ImageFilesImmutable"),
    (422, "ImageAlreadyActivated"),
)
"""Statuses and codes by which a server says that another publication of the image is under way."""
_GATEWAY = (502, 503, 504)
"""Statuses of a gateway that can't tell what the server behind it has done."""
_SERVERS_OWN = ("owner", "state", "files", "activated", "channels", "icon", "error")
"""Fields of a manifest that a server fills in by itself."""
_SERVERS_DEFAULT = ("disabled", "public")
"""Fields that a server adds where they are missing."""


@dataclass(frozen=True)
class UnactivatedImage:
    """An image that a server has and that nobody can import yet.

    ``stored`` is its manifest as the server has it. ``is_ours`` says that this publication made the
    image; otherwise it has taken over what a killed one left.
    """

    image: Manifest
    stored: Mapping[str, Any]
    is_ours: bool

    def give_up(self, repository: Repository, error: BaseException, on_event: OnEvent) -> None:
        """Delete the image from the server, because the publication ends with ``error``.

        An image that another publication has made, or works on, stays.
        """
        if _is_published_by_another(error):
            return
        if self.is_ours:
            _delete(repository, self.image.uuid, on_event)
        else:
            on_event(RemainsOnServer(self.image.uuid, _TAKEN_OVER))


def create_unactivated(
    repository: Repository, image: Manifest, on_event: OnEvent
) -> UnactivatedImage:
    """Make ``image`` on the server, without a file.

    An image that the server has already is left as it is, unless a publication of the same image
    has left it unactivated: that is taken over. Raises an ImgadmError.
    """
    try:
        return UnactivatedImage(image, repository.create(image.raw), is_ours=True)
    except StatusError as error:
        found = _existing(repository, image) if error.code == _TAKEN else None
        if found is not None and _is_begun(found, image):
            return UnactivatedImage(image, found, is_ours=False)
        if found is not None and found.get("state") == "unactivated":
            raise ImgadmError(f"{error.message}; {_UNFINISHED}", code=_TAKEN) from error
        if error.status in _GATEWAY:
            _delete_unanswered(repository, image, None)
        raise error.named() from error
    except UnusableReplyError as error:
        if not error.is_web_page:
            _delete_unanswered(repository, image, None)
        raise error.named() from error
    except UnreachableError as error:
        if not error.unsent:
            _delete_unanswered(repository, image, on_event)
        raise error.named() from error
    except BaseException:
        _delete_unanswered(repository, image, on_event)
        raise


def _existing(repository: Repository, image: Manifest) -> dict[str, Any] | None:
    try:
        return repository.find(image.uuid)
    except SourceError:
        return None


def _is_begun(found: Mapping[str, Any], image: Manifest) -> bool:
    """Tell whether ``found`` is what a publication of ``image`` leaves when it is killed.

    A manifest without the SHA-1 of its file is not enough, since nothing else tells that the file
    is the same.
    """
    file = image.file
    if file is None or file.sha1 is None or found.get("state") != "unactivated":
        return False
    stored = found.get("files") or []
    if stored and (not isinstance(stored[0], dict) or stored[0].get("sha1") != file.sha1):
        return False
    given = {name: value for name, value in image.raw.items() if value is not None}
    there = {name: value for name, value in found.items() if value is not None}
    names = {*given, *there} - {*_SERVERS_OWN}
    names -= {name for name in _SERVERS_DEFAULT if name not in given}
    return all(given.get(name) == there.get(name) for name in names)


def _is_published_by_another(error: BaseException) -> bool:
    """Tell whether the server says that another publication of the image came first."""
    if not isinstance(error, (APIError, StatusError)):
        return False
    return (error.status, error.code) in _PUBLISHED_BY_ANOTHER


def _delete_unanswered(repository: Repository, image: Manifest, on_event: OnEvent | None) -> None:
    """Delete the image if the server has made it, although its answer did not come.

    An image that has a file, is active, or has another name was there before. ``on_event`` gets a
    RemainsOnServer if the server does not say what it has.
    """
    try:
        found = repository.find(image.uuid)
    except SourceError as error:
        if on_event is not None:
            on_event(RemainsOnServer(image.uuid, error.named().message))
        return
    if _is_without_file(found, image):
        _delete(repository, image.uuid, on_event)


def _is_without_file(found: Mapping[str, Any] | None, image: Manifest) -> bool:
    """Tell whether ``found`` on the server is ``image`` before its file was added."""
    if found is None or found.get("state") != "unactivated" or found.get("files"):
        return False
    return (found.get("name"), found.get("version")) == (image.name, image.version)


def _delete(repository: Repository, uuid: str, on_event: OnEvent | None) -> None:
    def tell(message: str) -> None:
        if on_event is not None:
            on_event(RemainsOnServer(uuid, message))

    try:
        repository.delete(uuid)
    except SourceError as error:
        tell(error.named().message)
    except KeyboardInterrupt:
        tell("interrupted")
        raise
