"""The reception of one image into a pool: stages composed, run, and committed or rolled back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from imgadm import streams
from imgadm.base.errors import ImgadmError
from imgadm.base.signals import signals_held_back
from imgadm.manifest import Manifest
from imgadm.operations.events.event import OnEvent, Transferring
from imgadm.operations.events.importing import FileVerified, ImageInstalled, ProgramSaid
from imgadm.operations.failures import explain_reception
from imgadm.operations.importing.origin_trust import unproven_file
from imgadm.operations.watched_pipeline import run_watched
from imgadm.pools.base import Pool
from imgadm.pools.images import InstalledImage


def receive_file(
    pool: Pool,
    image: Manifest,
    *,
    fetch: streams.Stage,
    compression: str | None,
    source: str | None,
    origin: InstalledImage | None,
    on_event: OnEvent,
    local_file: Path | None = None,
) -> None:
    """Receive the file that ``fetch`` brings as ``image``, which appears whole or not at all.

    The size and the SHA-1 that the manifest promises are checked. ``compression`` None means that
    the first bytes tell it. ``source`` is the URL to record, None for a ``local_file``, which
    errors then name. ``origin`` is the installed image that the stream is based on. The caller
    holds the image's lock. Raises an ImgadmError for any failure, after undoing everything.
    """
    file = image.file
    receive_stream(
        pool,
        image,
        fetch,
        streams.checksum(
            "sha1",
            expected=None if file is None else file.sha1,
            size=None if file is None else file.size,
        ),
        streams.decompress(compression),
        source=source,
        origin=origin,
        on_event=on_event,
        local_file=local_file,
    )


def receive_stream(
    pool: Pool,
    image: Manifest,
    *stages: streams.Stage,
    source: str | None,
    origin: InstalledImage | None,
    on_event: OnEvent,
    local_file: Path | None = None,
    complete: Callable[[dict[str, Any], streams.Report], None] | None = None,
) -> None:
    """Receive the ZFS stream that ``stages`` bring as ``image``, as :func:`receive_file` does.

    ``complete`` gets the manifest before it is recorded, and the report, to add facts that only the
    bytes show.
    """
    progress = _Progress(image, on_event)

    def explain(error: streams.StreamError | OSError) -> ImgadmError:
        progress.look_for_verdict()
        if isinstance(error, streams.ProcessError) and error.stderr:
            on_event(ProgramSaid(error.program, error.stderr))
        return explain_reception(error, image.uuid, pool.name, local_file=local_file)

    manifest = dict(image.raw)
    with pool.receive(manifest, source=source, origin=origin) as reception:
        report = run_watched(*stages, *reception.stages, tell=progress.tell, explain=explain)
        progress.tell(report)
        if complete is not None:
            complete(manifest, report)
        reception.extra = unproven_file(manifest, report.facts)
        with signals_held_back():
            reception.commit(report)
    on_event(ImageInstalled(image, report))


class _Progress:
    """The progress of the file of one image, reported as events."""

    def __init__(self, image: Manifest, on_event: OnEvent) -> None:
        self._image = image
        self._on_event = on_event
        self._report: streams.Report | None = None
        self._verified = False

    def tell(self, report: streams.Report) -> None:
        """Send the event for the progress in ``report``, and once the one for the right SHA-1."""
        self._report = report
        self._on_event(Transferring(self._image, report))
        self.look_for_verdict()

    def look_for_verdict(self) -> None:
        """Send an event as soon as the whole file has the right SHA-1, once."""
        if self._verified or self._report is None:
            return
        facts, file = self._report.facts, self._image.file
        wanted = facts.get("sha1") if file is None or file.sha1 is None else file.sha1
        if "sha1" in facts and facts["sha1"] == wanted:
            self._verified = True
            self._on_event(FileVerified(self._image, facts["size"]))
