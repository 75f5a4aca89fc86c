"""The record of an image in a directory pool: ``image.json`` in the image's own directory.

It has the members of a record of a zpool's image, and ``stream``, which describes the stream that
the image was received from.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgadm.base.errors import FileSystemError, InternalError
from imgadm.base.files.replacement import read_small_file, write_atomically
from imgadm.base.json_input import parse_json
from imgadm.base.logs import logger
from imgadm.base.redaction import redact_url
from imgadm.pools.images import InstalledImage
from imgadm.state.database import RECORD_KEYS

if TYPE_CHECKING:
    from imgadm import streams

RECORD = "image.json"


def read_record(pool: str, uuid: str, on_denied: Callable[[str], None]) -> InstalledImage:
    """Return the image ``uuid`` in the directory ``pool``, as its record describes it.

    Without a usable record the image has only its UUID. The log names a damaged record. If this
    user may not read the record, ``on_denied`` is called with the UUID instead.
    """
    path = f"{pool}/{uuid}/{RECORD}"
    try:
        record = parse_json(read_small_file(path, follow=False))
        if record["manifest"]["uuid"] != uuid:
            raise ValueError(f"is about image {record['manifest']['uuid']}")
    except FileNotFoundError:
        return InstalledImage({"uuid": uuid}, pool)
    except PermissionError:
        on_denied(uuid)
        return InstalledImage({"uuid": uuid}, pool)
    except (OSError, ValueError, KeyError, TypeError) as error:
        logger().warning(f'ignoring the record "{path}": {error}')
        return InstalledImage({"uuid": uuid}, pool)
    extra = {key: value for key, value in record.items() if key not in RECORD_KEYS}
    source = record.get("source")
    return InstalledImage(
        record["manifest"],
        pool,
        redact_url(source) if isinstance(source, str) else None,
        None,
        extra,
    )


def write_record(
    directory: Path,
    pool: str,
    manifest: Mapping[str, Any],
    source: str | None,
    extra: Mapping[str, Any],
) -> None:
    """Write the record of the image in ``directory``; a failure leaves the old one.

    Raises FileSystemError.
    """
    record: dict[str, Any] = {"manifest": manifest, "zpool": pool}
    if source is not None:
        record["source"] = redact_url(source)
    record.update(extra)
    content = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    encoded = content.encode("utf-8", "backslashreplace")
    try:
        write_atomically(directory / RECORD, encoded, mode=0o600)
    except FileSystemError as error:
        if isinstance(error.cause, OSError):
            action = f'cannot write the record of image {manifest["uuid"]} in "{pool}"'
            raise FileSystemError.from_os_error(action, error.cause) from error
        raise


def described_stream(summary: Any) -> dict[str, Any]:
    """Return the description of a stream for a record; guids are decimal texts."""
    described = {
        "type": summary.type,
        "name": summary.name,
        "guid": str(summary.guid),
        "creation_time": summary.creation_time,
    }
    if summary.from_guid:
        described["from_guid"] = str(summary.from_guid)
    if summary.volume_size is not None:
        described |= {"volume_size": summary.volume_size, "block_size": summary.block_size}
    return described


def recorded_guid(image: InstalledImage) -> str | None:
    """Return the guid of the snapshot of an image; ``None`` if the record does not say it."""
    stream = image.extra.get("stream")
    guid = stream.get("guid") if isinstance(stream, dict) else None
    return guid if isinstance(guid, str) else None


def recorded_volume(image: InstalledImage) -> streams.RawVolume:
    """Return what an incremental stream must know of an image's disk.

    Raises InternalError if the image is not recorded as a disk.
    """
    from imgadm import streams

    stream: Any = image.extra.get("stream")
    try:
        return streams.RawVolume(
            guid=int(stream["guid"]),
            size=int(stream["volume_size"]),
            block_size=int(stream["block_size"]),
        )
    except (TypeError, KeyError, ValueError):
        raise InternalError(
            f'image "{image.uuid}" in "{image.pool}" is not recorded as a disk, so nothing can be '
            "based on it; delete it and import it again"
        ) from None
