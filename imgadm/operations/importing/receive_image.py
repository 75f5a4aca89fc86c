"""One image into a pool: stages composed, run, and committed or rolled back as one."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

from imgadm import streams
from imgadm.base.errors import FileSystemError, ImgadmError, InternalError
from imgadm.base.signals import signals_held_back
from imgadm.manifest import Manifest
from imgadm.operations.errors import (
    DownloadError,
    InvalidDiskError,
    InvalidStreamError,
    UncompressionError,
)
from imgadm.operations.events import Event, FileVerified, ImageInstalled, ProgramSaid, Transferring
from imgadm.operations.importing.origin_trust import unproven_file
from imgadm.pools.base import InstalledImage, Pool


def transfer(
    pool: Pool,
    image: Manifest,
    *,
    fetch: streams.Stage,
    compression: str | None,
    source: str | None,
    origin: InstalledImage | None,
    on_event: Callable[[Event], None],
) -> None:
    """Receive the bytes that ``fetch`` brings as ``image``; it appears whole or not at all.

    The caller holds the image's lock. ``compression`` None tells it from the first bytes. Raises an
    ImgadmError for whatever fails, after everything has been undone.
    """
    file = image.file
    receive(
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
    )


def receive(
    pool: Pool,
    image: Manifest,
    *stages: streams.Stage,
    source: str | None,
    origin: InstalledImage | None,
    on_event: Callable[[Event], None],
    complete: Callable[[dict[str, Any], streams.Report], None] | None = None,
) -> None:
    """Receive the ZFS stream that ``stages`` bring as ``image``, as :func:`transfer` does.

    ``complete`` may add to the manifest what only the bytes have told, before it is recorded.
    """
    watch = _Watch(image, on_event)
    manifest = dict(image.raw)
    with pool.receive(manifest, source=source, origin=origin) as reception:
        try:
            report = streams.run(*stages, *reception.stages, on_progress=watch)
            watch(report)
        except streams.ProcessError as error:
            watch.look_for_verdict()
            if error.stderr:
                on_event(ProgramSaid(error.program, error.stderr))
            raise InternalError(_process_failure(error), cause=error) from error
        except (streams.StreamError, OSError) as error:
            if error is watch.raised:
                raise
            watch.look_for_verdict()
            raise explain(error, image, pool) from error
        if complete is not None:
            complete(manifest, report)
        reception.extra = unproven_file(manifest, report.facts)
        with signals_held_back():
            reception.commit(report)
    on_event(ImageInstalled(image, report))


class _Watch:
    """Turns the live report of a pipeline into events."""

    def __init__(self, image: Manifest, on_event: Callable[[Event], None]) -> None:
        self._image = image
        self._on_event = on_event
        self._report: streams.Report | None = None
        self._verified = False
        #: What the listener raised, which is no failure of the pipeline.
        self.raised: BaseException | None = None

    def __call__(self, report: streams.Report) -> None:
        self._report = report
        try:
            self._on_event(Transferring(self._image, report))
            self.look_for_verdict()
        except BaseException as error:
            self.raised = error
            raise

    def look_for_verdict(self) -> None:
        """Tell once that the file has come and is right."""
        if self._verified or self._report is None:
            return
        facts, file = self._report.facts, self._image.file
        wanted = facts.get("sha1") if file is None or file.sha1 is None else file.sha1
        if "sha1" in facts and facts["sha1"] == wanted:
            self._verified = True
            self._on_event(FileVerified(self._image, facts["size"]))


def _process_failure(error: streams.ProcessError) -> str:
    how = f"exit code {error.status}" if error.status >= 0 else f"signal {-error.status}"
    return f"{error.program} error while importing: {how}"


def explain(error: streams.StreamError | OSError, image: Manifest, pool: Pool) -> ImgadmError:
    """The failure of a pipeline as an error of the tool."""
    uuid = image.uuid
    match error:
        case streams.ChecksumError(algorithm="Content-MD5"):
            return DownloadError(
                f"image {uuid} file Content-MD5 error: "
                f'expected "{error.wanted}", downloaded checksum was "{error.got}"',
                cause=error,
            )
        case streams.ChecksumError():
            return DownloadError(
                f"image {uuid} file checksum ({error.algorithm}) error: "
                f'expected "{error.wanted}", downloaded checksum was "{error.got}"',
                cause=error,
            )
        case streams.SizeError():
            return DownloadError(_size_failure(error, uuid), cause=error)
        case streams.FetchError(code="Unverified"):
            return DownloadError(
                f'the manifest of image {uuid} has no "sha1", and its server sends no Content-MD5: '
                "nothing could tell whether its file is the right one; --unverified imports it all "
                "the same",
                cause=error,
            )
        case streams.FetchError():
            return DownloadError(error.message, code=error.code, cause=error)
        case streams.DecompressionError():
            kind = "" if error.compression in ("none", "unknown") else f"{error.compression} "
            return UncompressionError(
                f"{kind}uncompression error while importing image {uuid}: "
                f"{error.reason} (at byte {error.offset} of the file)",
                cause=error,
            )
        case streams.ZfsStreamError():
            kind_of_error = InternalError if error.kind == "io" else InvalidStreamError
            hint = ""
            if error.kind == "size":
                # Of a disk that was resized, the original tool tells what its origin had.
                hint = (
                    '; that is "image_size" of the manifest, and one of the two is wrong: if the '
                    "volume is right, install the file with a manifest that says so"
                )
            return kind_of_error(
                f"the ZFS stream of image {uuid} cannot be received: {error.message}{hint}",
                cause=error,
            )
        case streams.DiskChangedError() | streams.DiskFormatError():
            return InvalidDiskError(error.message, cause=error)
        case streams.StreamError():
            return InternalError(f"error importing image {uuid}: {error.message}", cause=error)
        case OSError(errno=errno.ENOSPC | errno.EDQUOT as number):
            return FileSystemError(
                f'no space left for image {uuid} in pool "{pool.name}"; free some, or name '
                "another pool with -P",
                code=errno.errorcode[number],
                cause=error,
            )
    return FileSystemError.from_os_error(f"error importing image {uuid}", error)


def _size_failure(error: streams.SizeError, uuid: str) -> str:
    if error.stage == "fetch" and error.offset is None:
        if not isinstance(error.got, int):
            return (
                "unexpected missing or invalid Content-Length header: "
                f"{'undefined' if error.got is None else error.got}"
            )
        return (
            f"unexpected mismatch between expected size, {error.wanted}, "
            f"and Content-Length header, {error.got}"
        )
    return (
        f"image {uuid} file size error: expected {error.wanted} bytes, downloaded {error.got} bytes"
    )
