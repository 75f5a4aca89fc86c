"""Installation of a disk as an image: a raw or other disk straight into a pool, in one pass."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgadm import streams
from imgadm.base.errors import FileSystemError, UsageError
from imgadm.base.patterns import check_uuid
from imgadm.base.times import iso_milliseconds
from imgadm.manifest import Manifest, check_manifest
from imgadm.operations.disk_images import (
    DiskToImage,
    add_size,
    disk_manifest,
    is_url,
    new_snapshot,
    opened,
)
from imgadm.operations.events.event import OnEvent
from imgadm.operations.events.importing import InstallBegins
from imgadm.operations.importing.import_steps import (
    ImportChain,
    ImportOptions,
    ImportRequest,
    run_import,
)
from imgadm.operations.importing.receive_image import receive_stream
from imgadm.pools.base import Pool

if TYPE_CHECKING:
    from requests import Session

_SAVE = "save it to a file first"


def install_disk(
    pool: Pool,
    disk: DiskToImage,
    fields: Mapping[str, Any],
    options: ImportOptions,
    on_event: OnEvent,
    *,
    open_session: Callable[[str], tuple[str, Session]],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Install a disk on this host, or at a URL, as the image that ``fields`` describe.

    ``open_session`` takes a URL, and returns the URL without credentials and a session that sends
    them. An image that is installed already is left alone. Raises an ImgadmError for any failure,
    after undoing everything.
    """
    if "origin" in fields:
        raise UsageError("a disk is installed in full: leave origin out")
    manifest = disk_manifest(fields)
    snapshot = new_snapshot(check_uuid(manifest["uuid"]), disk)
    with ExitStack() as opened_disks:
        request = _DiskImage(
            pool,
            manifest,
            lambda: opened_disks.enter_context(_stages(disk, snapshot, open_session)),
            on_event,
            now,
        )
        run_import(pool, request, options, on_event)


class _DiskImage(ImportRequest):
    """A disk that becomes an image: ``open_stages`` returns the stages that bring its stream."""

    _stages: list[streams.Stage]

    def __init__(
        self,
        pool: Pool,
        manifest: dict[str, Any],
        open_stages: Callable[[], list[streams.Stage]],
        on_event: OnEvent,
        now: Callable[[], datetime],
    ) -> None:
        self.uuid = str(manifest["uuid"])
        self._pool = pool
        self._manifest = manifest
        self._open_stages = open_stages
        self._on_event = on_event
        self._now = now
        self._given_size: dict[str, Any] = {}

    def look_up(self) -> ImportChain:
        if not self._manifest.get("published_at"):
            self._manifest["published_at"] = iso_milliseconds(self._now())
        check_manifest(self._manifest)
        # The pool would compare "image_size" with the disk as well, but could not say that the
        # operator has given it here.
        if "image_size" in self._manifest:
            self._given_size = {"image_size": self._manifest.pop("image_size")}
        image = Manifest.of(self._manifest)
        self._stages = self._open_stages()
        self._on_event(InstallBegins(image))
        return ImportChain([image], None)

    def receive(self, missing: Sequence[Manifest]) -> None:
        (image,) = missing
        receive_stream(
            self._pool,
            image,
            *self._stages,
            source=None,
            origin=None,
            on_event=self._on_event,
            complete=self._add_size,
        )

    def _add_size(self, record: dict[str, Any], report: streams.Report) -> None:
        record.update(self._given_size)
        add_size(record, report.facts["volume"])


@contextmanager
def _stages(
    disk: DiskToImage,
    snapshot: streams.NewSnapshot,
    open_session: Callable[[str], tuple[str, Session]],
) -> Iterator[list[streams.Stage]]:
    """Yield the stages that bring the disk, on this host or at a URL, as a ZFS stream."""
    if is_url(disk.location):
        if disk.format not in (None, "raw"):
            raise UsageError(f"a {disk.format} disk cannot be read while it arrives: {_SAVE}")
        url, session = open_session(disk.location)
        with session:
            yield _arriving(streams.http_get(url, session=session), disk, snapshot, _SAVE)
    elif _is_pipe(disk.location):
        if disk.format not in (None, "raw"):
            raise UsageError(f"a {disk.format} disk cannot be read while it arrives: {_SAVE}")
        yield _arriving(streams.read_file(disk.location), disk, snapshot, _SAVE)
    elif disk.format is None and _compression(disk.location) != "none":
        yield _arriving(streams.read_file(disk.location), disk, snapshot, "decompress it first")
    else:
        with opened(disk) as content:
            yield [streams.from_disk(content, snapshot)]


def _arriving(
    fetch: streams.Stage, disk: DiskToImage, snapshot: streams.NewSnapshot, instead: str
) -> list[streams.Stage]:
    """Return the stages for a disk that is read once, in order.

    ``instead`` is the advice for a disk that can't be read that way.
    """
    if disk.format == "raw":  # the bytes are the disk, whatever they look like
        return [fetch, streams.to_volume_stream(snapshot, any_content=True)]
    return [fetch, streams.decompress(), streams.to_volume_stream(snapshot, instead=instead)]


def _is_pipe(path: str) -> bool:
    """Tell whether bytes that have been read from ``path`` can't be read again."""
    try:
        mode = Path(path).stat().st_mode
    except FileNotFoundError:
        raise UsageError(f'disk path does not exist: "{path}"') from None
    except OSError as error:
        raise FileSystemError.from_os_error(f'cannot read the disk "{path}"', error) from error
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _compression(path: str) -> str:
    if not (Path(path).is_file() or Path(path).is_block_device()):
        return "none"  # opening it as a disk fails and says why
    try:
        return streams.compression_of(path)
    except OSError as error:
        raise FileSystemError.from_os_error(f'cannot read the disk "{path}"', error) from error
