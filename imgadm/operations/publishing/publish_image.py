"""Publication of an image: manifest, file, activation; nothing of it stays if it fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imgadm import streams
from imgadm.base.errors import ImgadmError
from imgadm.base.text import excerpt
from imgadm.client.errors import APIError
from imgadm.manifest import Manifest
from imgadm.operations.errors import UploadError
from imgadm.operations.events.event import OnEvent, Transferring
from imgadm.operations.events.publishing import (
    FileAdded,
    ImageActivated,
    ImagePublished,
    ManifestAccepted,
    RemainsOnServer,
)
from imgadm.operations.failures import explain_upload
from imgadm.operations.watch import run_watched
from imgadm.sources import (
    Repository,
    SourceError,
    StatusError,
    UnreachableError,
    UnusableReplyError,
)

_TAKEN = "ImageUuidAlreadyExists"
_UNFINISHED = (
    "it is not activated, and not the image that is published here: if nobody is publishing it now,"
    " a publication was killed, and DELETE /images/UUID there makes room for another one"
)
_TAKEN_OVER = "another publication has begun it; publish it again to take it over"
_PUBLISHED_BY_ANOTHER = (
    (409, "Upload"),  # its file is being uploaded
    (422, "ImageFilesImmutable"),
    (422, "ImageAlreadyActivated"),
)
_GATEWAY = (502, 503, 504)
"""Statuses of a gateway that does not know what the server behind it has done."""
_SERVERS_OWN = ("owner", "state", "files", "activated", "channels", "icon", "error")
"""Fields of a manifest that a server fills in by itself."""
_SERVERS_DEFAULT = ("disabled", "public")
"""Fields that a server adds where they are missing."""


@dataclass(frozen=True)
class Upload:
    """The file of an image: ``stages`` bring its bytes, compressed as they are to be stored.

    ``name`` is what messages call the file. ``size`` (bytes), ``sha1`` (hexadecimal) and
    ``dataset_guid`` are what is known of it beforehand: the bytes must fit. ``explain`` words what
    fails in the stages, or at these checks.
    """

    stages: Sequence[streams.Stage]
    compression: str
    name: str
    explain: Callable[[streams.StreamError | OSError], ImgadmError]
    size: int | None = None
    sha1: str | None = None
    dataset_guid: str | None = None


def publish_image(
    repository: Repository, image: Manifest, upload: Upload, on_event: OnEvent
) -> streams.Report:
    """Publish ``image`` with the file that ``upload`` brings; it is active in the end.

    Before it is activated, the SHA-1 and the size that the server reports are compared with those
    of the bytes that went there. Whatever fails, an interrupt too, the server is left without the
    image, or with it as it was. An unactivated image that a killed publication of the same has left
    there is taken over. Returns the report of the upload, whose facts have the ``sha1`` and
    ``size`` of the file. Raises an ImgadmError.
    """
    created, is_ours = _create(repository, image, on_event)
    try:
        on_event(_accepted(created, image))
        report = _add_file(repository, image, upload, on_event)
        on_event(
            FileAdded(
                image,
                upload.name,
                upload.compression,
                report.facts["size"],
                report.facts["sha1"],
                report,
            )
        )
        _activate(repository, image.uuid)
    except BaseException as error:
        if is_ours and not _is_published_by_another(error):
            _delete(repository, image.uuid, on_event)
        elif not _is_published_by_another(error):
            on_event(RemainsOnServer(image.uuid, _TAKEN_OVER))
        if isinstance(error, SourceError):
            raise error.named() from error
        raise
    on_event(ImageActivated(image))
    on_event(ImagePublished(image, repository.url))
    return report


def _create(
    repository: Repository, image: Manifest, on_event: OnEvent
) -> tuple[Mapping[str, Any], bool]:
    """Make the image on the server; returns what that has, and whether this run has made it.

    One that was there before is never touched, unless it is the same in the same state.
    """
    try:
        return repository.create(image.raw), True
    except StatusError as error:
        found = _existing(repository, image) if error.code == _TAKEN else None
        if found is not None and _is_begun(found, image):
            return found, False
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
    """Tell whether ``found`` is what a publication of ``image`` has on the server before its end.

    Only the SHA-1 of its file tells that the file is the same; a manifest without is not enough.
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
    """Tell whether the server says that somebody else is at the same image, or was sooner."""
    if not isinstance(error, (APIError, StatusError)):
        return False
    return (error.status, error.code) in _PUBLISHED_BY_ANOTHER


def _accepted(created: Mapping[str, Any], image: Manifest) -> ManifestAccepted:
    """What the server made of the manifest, in the server's words."""
    given = {"name": image.name, "version": image.version, "state": "unactivated", **created}
    name, version, state = (excerpt(given[field]) for field in ("name", "version", "state"))
    return ManifestAccepted(image.uuid, name, version, state)


def _add_file(
    repository: Repository, image: Manifest, upload: Upload, on_event: OnEvent
) -> streams.Report:
    request = repository.file_request(
        image.uuid,
        compression=upload.compression,
        sha1=upload.sha1,
        dataset_guid=upload.dataset_guid,
    )

    def explain(error: streams.StreamError | OSError) -> ImgadmError:
        if isinstance(error, streams.SendError):
            return explain_upload(error, repository, image.uuid)
        return upload.explain(error)

    report = run_watched(
        *upload.stages,
        streams.checksum("sha1", expected=upload.sha1, size=upload.size),
        streams.http_put(
            request.url, session=request.session, headers=request.headers, size=upload.size
        ),
        tell=lambda report: on_event(Transferring(image, report)),
        explain=explain,
    )
    answer = report.facts["answer"]
    stored = repository.stored(image.uuid, answer.status, answer.content_type, answer.body)
    _check_stored(stored, report)
    return report


def _check_stored(stored: Mapping[str, Any], report: streams.Report) -> None:
    """Compare what the server has with what was sent."""
    files = stored.get("files")
    entry = files[0] if isinstance(files, list) and files and isinstance(files[0], dict) else {}
    for fact in ("sha1", "size"):
        got, wanted = entry.get(fact, "undefined"), report.facts[fact]
        if got != wanted:
            raise UploadError(f"{fact} expected to be {wanted}, but was {excerpt(got)}")


def _activate(repository: Repository, uuid: str) -> None:
    """Activate the image. Where the answer does not come, it may have been done all the same."""
    try:
        repository.activate(uuid)
    except UnreachableError:
        found = repository.find(uuid)
        if found is None or found.get("state") != "active":
            raise


def _delete_unanswered(repository: Repository, image: Manifest, on_event: OnEvent | None) -> None:
    """Delete the image if the server made it without telling us.

    What has a file, is active, or is called otherwise, was there before, and is somebody's. Where
    nobody can tell what is there, ``on_event`` hears of it.
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
    """Tell whether ``found`` on the server is ``image`` between the first two steps."""
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
