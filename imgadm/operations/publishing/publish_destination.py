"""An image server as the destination of a new image, with no file in between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from imgadm import streams
from imgadm.manifest import Manifest
from imgadm.operations.creating.save_image import Compression, Delivery, Destination
from imgadm.operations.events.creating import SendingFile
from imgadm.operations.events.event import OnEvent
from imgadm.operations.failures import explain_creation
from imgadm.operations.publishing.publish_image import Upload, publish_image
from imgadm.sources import Repository, SourceError


@dataclass(frozen=True)
class PublishDestination(Destination):
    """The image server ``repository``, which checks the file before the image becomes visible."""

    repository: Repository
    compression: Compression
    on_event: OnEvent

    @contextmanager
    def ready(self, manifest: Mapping[str, Any]) -> Iterator[Delivery]:
        # Without this request the server would get its first one only after a machine has been
        # stopped and prepared, which takes minutes.
        try:
            self.repository.find(str(manifest["uuid"]))
        except SourceError as error:
            raise error.named() from error
        yield _ToServer(self, Manifest.of({**manifest, "files": []}))


class _ToServer(Delivery):
    def __init__(self, destination: PublishDestination, image: Manifest) -> None:
        self._destination = destination
        self._image = image

    def take(self, source: streams.Stage, *, name: str, guid: str | None = None) -> None:
        to = self._destination
        to.on_event(SendingFile(to.repository.url))
        upload = Upload(
            stages=(source, *to.compression.stages()),
            compression=to.compression.name,
            name=name,
            explain=lambda error: explain_creation(error, f"sending {name}"),
            dataset_guid=guid,
        )
        publish_image(to.repository, self._image, upload, to.on_event)
