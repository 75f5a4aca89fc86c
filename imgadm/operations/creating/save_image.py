"""A new image on its way: from the stage that brings its stream to where it is to be kept."""

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
from imgadm.operations.watch import run_watched


@dataclass(frozen=True)
class Compression:
    """How the file of an image is compressed; without a ``level`` it is the format's usual one."""

    name: str = "none"
    level: int | None = None

    def stages(self) -> tuple[streams.Stage, ...]:
        """What compresses; nothing has no stage, which would only cost time."""
        stage = streams.compress(self.name, level=self.level)
        return () if self.name == "none" else (stage,)


class Delivery(ABC):
    """One image that a destination is ready to take."""

    files: ReservedOutput | None = None

    @abstractmethod
    def take(self, source: streams.Stage, *, name: str, guid: str | None = None) -> None:
        """Keep the uncompressed stream that ``source`` brings, in one pass, whole or not at all.

        ``name`` is what the stream is called, ``guid`` that of the snapshot in it. Raises an
        ImgadmError for whatever fails.
        """


class Destination(ABC):
    """Where a new image is to be kept."""

    @abstractmethod
    def ready(self, manifest: Mapping[str, Any]) -> AbstractContextManager[Delivery]:
        """Make sure that the image can be kept, before anything is done to get it.

        Nothing is left if the block ends without it having been taken. Raises an ImgadmError.
        """


@dataclass(frozen=True)
class FileDestination(Destination):
    """Two files, whose names ``template`` or else the given ``fields`` decide."""

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
    """The entry in ``files`` of a manifest for what has come through a pipeline."""
    file: dict[str, Any] = {
        "size": report.facts["size"],
        "compression": compression.name,
        "sha1": report.facts["sha1"],
    }
    return file if guid is None else {**file, "dataset_guid": guid}
