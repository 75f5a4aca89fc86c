"""Publication of an image: its manifest, its file, and its activation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imgadm import streams
from imgadm.base.errors import ImgadmError
from imgadm.base.text import excerpt
from imgadm.manifest import Manifest
from imgadm.operations.errors import UploadError
from imgadm.operations.events.event import OnEvent, Transferring
from imgadm.operations.events.publishing import (
    FileAdded,
    ImageActivated,
    ImagePublished,
    ManifestAccepted,
)
from imgadm.operations.failures import explain_upload
from imgadm.operations.publishing.unactivated_image import create_unactivated
from imgadm.operations.watched_pipeline import run_watched
from imgadm.sources import Repository, SourceError, UnreachableError


@dataclass(frozen=True)
class Upload:
    """The file of an image that is to be published.

    ``stages`` bring its bytes, compressed as the server is to keep them. ``name`` is what messages
    call the file. ``size`` (bytes), ``sha1`` (hexadecimal) and ``dataset_guid`` are None unless
    they are known beforehand; the bytes are checked against the first two. ``explain`` returns the
    error for a failure of the stages or of these checks.
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
    """Publish ``image`` with the file that ``upload`` brings, so that it is active in the end.

    Before the activation, the SHA-1 and the size that the server reports are compared with those of
    the bytes that went there. Whatever fails, an interrupt included, leaves the server without the
    image, or with the image as it was. An unactivated image that a killed publication of the same
    image has left on the server is taken over. Returns the report of the upload, whose facts have
    the ``sha1`` and the ``size`` of the file. Raises an ImgadmError.
    """
    unactivated = create_unactivated(repository, image, on_event)
    try:
        on_event(_accepted(unactivated.stored, image))
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
        unactivated.give_up(repository, error, on_event)
        if isinstance(error, SourceError):
            raise error.named() from error
        raise
    on_event(ImageActivated(image))
    on_event(ImagePublished(image, repository.url))
    return report


def _accepted(created: Mapping[str, Any], image: Manifest) -> ManifestAccepted:
    """Return the event for the image that the server ``created``, in the server's words."""
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
    """Raise UploadError unless the server has the bytes that were sent."""
    files = stored.get("files")
    entry = files[0] if isinstance(files, list) and files and isinstance(files[0], dict) else {}
    for fact in ("sha1", "size"):
        got, wanted = entry.get(fact, "undefined"), report.facts[fact]
        if got != wanted:
            raise UploadError(f"{fact} expected to be {wanted}, but was {excerpt(got)}")


def _activate(repository: Repository, uuid: str) -> None:
    """Activate the image. If no answer comes, ask the server whether it has done so."""
    try:
        repository.activate(uuid)
    except UnreachableError:
        found = repository.find(uuid)
        if found is None or found.get("state") != "active":
            raise
