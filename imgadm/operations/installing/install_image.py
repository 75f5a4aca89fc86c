"""Installation of an image from a manifest and a file on this host."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from imgadm import streams
from imgadm.base.patterns import check_uuid
from imgadm.base.times import iso_milliseconds
from imgadm.manifest import Manifest, check_manifest, upgrade_manifest
from imgadm.operations.errors import DownloadError
from imgadm.operations.events.event import OnEvent
from imgadm.operations.events.importing import InstallBegins
from imgadm.operations.failures import wrong_local_size
from imgadm.operations.importing.import_steps import (
    ImportChain,
    ImportOptions,
    ImportRequest,
    run_import,
)
from imgadm.operations.importing.layer_fetches import IncomingLayer
from imgadm.operations.importing.receive_image import receive_file
from imgadm.operations.importing.receive_layers import receive_layers
from imgadm.operations.local_files import read_local_manifest
from imgadm.pools.base import Pool
from imgadm.pools.images import InstalledImage


def install_image(
    pool: Pool,
    manifest_path: Path,
    file_path: Path,
    options: ImportOptions,
    on_event: OnEvent,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Install the image that the manifest describes from its file; neither is changed.

    An image that is installed already is left alone, except that it gets the root that it lacks.
    Raises an ImgadmError for any failure, after undoing everything.
    """
    raw = read_local_manifest(manifest_path, file_path)
    request = _LocalImage(pool, raw, file_path, on_event, now)
    run_import(pool, request, options, on_event)


class _LocalImage(ImportRequest):
    """An image whose manifest and file are on this host."""

    def __init__(
        self,
        pool: Pool,
        raw: dict[str, Any],
        path: Path,
        on_event: OnEvent,
        now: Callable[[], datetime],
    ) -> None:
        self.uuid = check_uuid(raw.get("uuid", "undefined"))
        self._pool = pool
        self._raw = raw
        self._path = path
        self._on_event = on_event
        self._now = now

    def look_up(self) -> ImportChain:
        raw = upgrade_manifest(self._raw)
        if not raw.get("published_at"):
            raw["published_at"] = iso_milliseconds(self._now())
        check_manifest(raw)
        image = Manifest.of(raw)
        self._on_event(InstallBegins(image))
        return ImportChain([image], image.origin)

    def check(self, missing: Sequence[Manifest]) -> None:
        for image in missing:
            _check_size(image, self._path)

    def receive(self, missing: Sequence[Manifest]) -> None:
        (image,) = missing
        origin = None if image.origin is None else self._pool.get(image.origin)
        if image.type == "docker":
            self._receive_layer(image, origin)
            return
        receive_file(
            self._pool,
            image,
            fetch=streams.read_file(self._path),
            compression=None if image.file is None else image.file.compression,
            source=None,
            origin=origin,
            on_event=self._on_event,
            local_file=self._path,
        )

    def _receive_layer(self, image: Manifest, origin: InstalledImage | None) -> None:
        """Receive the layer of a container image, a tar archive, on top of its origin."""
        receive_layers(
            self._pool,
            [IncomingLayer.promised(image, lambda: streams.read_file(self._path))],
            source=None,
            base=origin,
            on_event=self._on_event,
            local_file=self._path,
        )


def _check_size(image: Manifest, path: Path) -> None:
    wanted = None if image.file is None else image.file.size
    if wanted is not None and path.is_file() and (size := path.stat().st_size) != wanted:
        raise wrong_local_size(DownloadError, path, wanted=wanted, got=size)
