"""Installation of an image from a manifest and a file on this host."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from imgadm import streams
from imgadm.base.errors import ImgadmError
from imgadm.base.patterns import check_uuid
from imgadm.base.times import iso_milliseconds
from imgadm.manifest import Manifest, check_manifest, upgrade_manifest
from imgadm.operations.errors import DownloadError, OriginNotInstalledError
from imgadm.operations.events import Event, InstallBegins, InstalledMeanwhile
from imgadm.operations.importing.checks import (
    ImportOptions,
    check_limits,
    check_space,
    lock_for,
    size_of_files,
)
from imgadm.operations.importing.complete_image import complete_image, complete_locked_image
from imgadm.operations.importing.receive_image import transfer
from imgadm.operations.local_files import read_local_manifest
from imgadm.pools.base import InstalledImage, Pool


def install_image(
    pool: Pool,
    manifest_path: Path,
    file_path: Path,
    options: ImportOptions,
    on_event: Callable[[Event], None],
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Install the image that the manifest describes from its file; neither is changed.

    Does nothing if the image is installed already. Raises an ImgadmError for whatever
    fails, after everything has been undone.
    """
    raw = read_local_manifest(manifest_path, file_path)
    uuid = check_uuid(raw.get("uuid", "undefined"))
    installed = pool.get(uuid)
    if installed is not None:
        complete_image(pool, installed, options, on_event)
        return
    raw = upgrade_manifest(raw)
    if not raw.get("published_at"):
        raw["published_at"] = iso_milliseconds(now())
    check_manifest(raw)
    image = Manifest.of(raw)
    on_event(InstallBegins(image))
    check_limits([image])
    with ExitStack() as locks:
        locks.enter_context(lock_for(pool, uuid, options, on_event))
        if pool.get(uuid) is not None:
            if not complete_locked_image(pool, uuid, on_event):
                on_event(InstalledMeanwhile(image))
            return
        if _installed_origin(pool, image) is not None:
            locks.enter_context(lock_for(pool, str(image.origin), options, on_event, shared=True))
        _install(pool, image, file_path, on_event)


def _install(
    pool: Pool, image: Manifest, file_path: Path, on_event: Callable[[Event], None]
) -> None:
    origin = _installed_origin(pool, image)
    _check_size(image, file_path)
    pool.check()
    check_space(pool, size_of_files([image]))
    try:
        if image.type == "docker":
            _install_layer(pool, image, file_path, origin, on_event)
            return
        transfer(
            pool,
            image,
            fetch=streams.read_file(file_path),
            compression=None if image.file is None else image.file.compression,
            source=None,
            origin=origin,
            on_event=on_event,
        )
    except DownloadError as error:
        raise _worded_for_files(error, file_path) from error


def _install_layer(
    pool: Pool,
    image: Manifest,
    path: Path,
    origin: InstalledImage | None,
    on_event: Callable[[Event], None],
) -> None:
    """Install the layer of a container image, a tar archive, on top of its origin."""
    from imgadm.operations.importing.layer_fetches import IncomingLayer
    from imgadm.operations.importing.layer_trust import (
        check_claims,
        claimed_digest,
        installed_digests,
    )
    from imgadm.operations.importing.receive_layers import receive_layers

    file = image.file
    below = installed_digests(pool, origin)
    check_claims([image], below)
    layer = IncomingLayer(
        image,
        lambda: streams.read_file(path),
        digest=claimed_digest(image.raw),
        sha1=None if file is None else file.sha1,
        size=None if file is None else file.size,
        compression=None if file is None else file.compression,
    )
    receive_layers(pool, [layer], source=None, base=origin, on_event=on_event, below=below)


def _installed_origin(pool: Pool, image: Manifest) -> InstalledImage | None:
    if image.origin is None:
        return None
    origin = pool.get(image.origin)
    if origin is None:
        raise OriginNotInstalledError(image.origin, pool.name)
    return origin


def _check_size(image: Manifest, path: Path) -> None:
    wanted = None if image.file is None else image.file.size
    if wanted is not None and path.is_file() and (size := path.stat().st_size) != wanted:
        raise DownloadError(
            f"image file size error: manifest says {wanted} bytes, {path} is {size} bytes"
        )


def _worded_for_files(error: DownloadError, path: Path) -> ImgadmError:
    if isinstance(error.cause, streams.ChecksumError):
        return DownloadError(
            f"image file checksum ({error.cause.algorithm}) error: manifest says "
            f'"{error.cause.wanted}", {path} is "{error.cause.got}"',
            cause=error.cause,
        )
    if isinstance(error.cause, streams.SizeError):
        return DownloadError(
            f"image file size error: manifest says {error.cause.wanted} bytes, "
            f"{path} is {error.cause.got} bytes",
            cause=error.cause,
        )
    return error
