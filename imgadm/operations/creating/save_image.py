"""The destinations of a new image, of which two files on this host are one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from imgadm import streams
from imgadm.operations.creating.image_output import ImageOutput, ReservedOutput, output_prefix
from imgadm.operations.events.creating import (
    SavingManifest,
    Sending,
    SendingFile,
    Sent,
)
from imgadm.operations.events.event import OnEvent
from imgadm.operations.failures import explain_creation
from imgadm.operations.watched_pipeline import run_watched


@dataclass(frozen=True)
class Compression:
    """The compression of an image file; ``level`` None is the usual level of the format."""

    name: str = "none"
    level: int | None = None

    def stages(self) -> tuple[streams.Stage, ...]:
        """Return the stage that compresses, or no stage for compression ``none``."""
        stage = streams.compress(self.name, level=self.level)
        return () if self.name == "none" else (stage,)


class Delivery(ABC):
    """One image that a destination is ready to take.

    ``files`` are the files that it writes, None if it writes none on this host.
    """

    files: ReservedOutput | None = None

    @abstractmethod
    def take(self, source: streams.Stage, *, name: str, guid: str | None = None) -> None:
        """Keep the uncompressed stream that ``source`` brings, in one pass, whole or not at all.

        ``name`` is what messages call the stream, ``guid`` is that of the snapshot in it. Raises an
        ImgadmError for any failure.
        """


class Destination(ABC):
    """A place that keeps new images."""

    @abstractmethod
    def ready(self, manifest: Mapping[str, Any]) -> AbstractContextManager[Delivery]:
        """Make sure that the image with ``manifest`` can be kept, before anything else is done.

        Nothing is left behind if the block ends and the image was not taken. Raises an ImgadmError.
        """


@dataclass(frozen=True)
class FileDestination(Destination):
    """Two files on this host, whose names come from ``template`` or else from ``fields``.

    Files that exist are replaced only with ``overwrite``.
    """

    template: str | None
    fields: Mapping[str, Any]
    compression: Compression
    on_event: OnEvent
    overwrite: bool = False

    @contextmanager
    def ready(self, manifest: Mapping[str, Any]) -> Iterator[Delivery]:
        prefix = output_prefix(self.template, self.fields)
        output = ImageOutput.of(prefix, manifest, self.compression.name)
        with output.reserved(overwrite=self.overwrite) as files:
            yield _ToFiles(files, manifest, self.compression, self.on_event)


class _ToFiles(Delivery):
    def __init__(
        self,
        files: ReservedOutput,
        manifest: Mapping[str, Any],
        compression: Compression,
        on_event: OnEvent,
    ) -> None:
        self.files: ReservedOutput = files
        self._manifest = manifest
        self._compression = compression
        self._on_event = on_event

    def take(self, source: streams.Stage, *, name: str, guid: str | None = None) -> None:
        output = self.files.output
        self._on_event(SendingFile(output.file_path))
        sink = streams.write_file(output.file_path, replace=not self.files.new)
        try:
            report = run_watched(
                source,
                *self._compression.stages(),
                streams.checksum("sha1"),
                sink,
                tell=lambda report: self._on_event(Sending(report)),
                explain=lambda error: explain_creation(error, f'writing "{output.file_path}"'),
            )
        finally:
            self.files.has_file = sink.complete
        self._on_event(SavingManifest(output.manifest_path))
        file = _described_file(report, self._compression, guid)
        self.files.save_manifest({**self._manifest, "files": [file]})
        self._on_event(Sent(report))


def _described_file(
    report: streams.Report, compression: Compression, guid: str | None
) -> dict[str, Any]:
    """Return the entry in ``files`` of a manifest for the file that a pipeline wrote."""
    file: dict[str, Any] = {
        "size": report.facts["size"],
        "compression": compression.name,
        "sha1": report.facts["sha1"],
    }
    return file if guid is None else {**file, "dataset_guid": guid}
