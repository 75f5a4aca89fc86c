"""The typed view of a manifest: the fields that operations work with, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from imgadm.base.compressions import COMPRESSIONS
from imgadm.base.json_values import as_text, is_whole
from imgadm.base.patterns import is_sha1, is_uuid
from imgadm.base.text import excerpt
from imgadm.manifest.errors import InvalidManifestError
from imgadm.manifest.upgrade import upgrade_manifest

MAX_FILE_BYTES = 1 << 60
_GUID = re.compile(r"[0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class ImageFile:
    """The file of an image.

    ``sha1``, in hexadecimal, and ``size``, in bytes, are those of the stored bytes.
    ``dataset_guid`` is the ZFS guid of the snapshot inside, as a decimal string. A member that the
    manifest leaves out is ``None``.
    """

    sha1: str | None
    size: int | None
    compression: str
    dataset_guid: str | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest of the current format. ``raw`` has every field as it was received, in order.

    ``uuid`` and ``origin`` are UUIDs, and safe in paths and dataset names. ``name`` and ``version``
    are printable text, and safe on a terminal.
    """

    uuid: str
    name: str
    version: str
    state: str | None
    type: str | None
    os: str | None
    origin: str | None
    file: ImageFile | None
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Manifest:
        """Return the view of ``manifest``, which is first upgraded to the current format.

        Only the fields of the view are checked, unlike in :func:`check_manifest`, because newer
        servers may use fields that we do not know. Raises :class:`InvalidManifestError`.
        """
        raw = upgrade_manifest(manifest)
        uuid, origin = raw.get("uuid"), raw.get("origin")
        if not is_uuid(uuid):
            raise InvalidManifestError(f'"uuid" is not a UUID: {excerpt(uuid)}')
        if origin is not None and not is_uuid(origin):
            raise InvalidManifestError(f'"origin" is not a UUID: {excerpt(origin)}')
        return cls(
            uuid=uuid,
            name=_line(raw, "name", 1024),
            version=_line(raw, "version", 512),
            state=_word(raw, "state"),
            type=_word(raw, "type"),
            os=_word(raw, "os"),
            origin=origin,
            file=_image_file(raw.get("files")),
            raw=raw,
        )


def _line(raw: Mapping[str, Any], name: str, limit: int) -> str:
    text = as_text(raw.get(name))
    if text is None:
        raise InvalidManifestError(f'"{name}" is not a string: {excerpt(raw.get(name))}')
    if len(text) > limit or not text.isprintable():
        raise InvalidManifestError(
            f'"{name}" is not one line of at most {limit} characters: {excerpt(text)}'
        )
    return text


def _word(raw: Mapping[str, Any], name: str) -> str | None:
    value = raw.get(name)
    if value is None or (isinstance(value, str) and len(value) <= 64 and value.isprintable()):
        return value
    raise InvalidManifestError(f'"{name}" is not a word: {excerpt(value)}')


def _image_file(files: Any) -> ImageFile | None:
    if files is None or files == []:
        return None
    if not isinstance(files, list) or not isinstance(files[0], dict):
        raise InvalidManifestError(f'"files" is not a list of files: {excerpt(files)}')
    entry = files[0]
    sha1, size, guid = entry.get("sha1"), entry.get("size"), entry.get("dataset_guid")
    compression = entry.get("compression")
    if sha1 is not None and not is_sha1(sha1):
        raise InvalidManifestError(
            f'the "sha1" of its file is not 40 hexadecimal digits: {excerpt(sha1)}'
        )
    if size is not None and not (is_whole(size) and 0 <= size <= MAX_FILE_BYTES):
        raise InvalidManifestError(
            f'the "size" of its file is not a number of bytes: {excerpt(size)}'
        )
    if compression not in COMPRESSIONS:
        raise InvalidManifestError(
            f'the "compression" of its file is {excerpt(compression)}, '
            f"one of {', '.join(COMPRESSIONS)} was expected"
        )
    if guid is not None and not _GUID.fullmatch(str(guid)):
        raise InvalidManifestError(
            f'the "dataset_guid" of its file is not a decimal number: {excerpt(guid)}'
        )
    return ImageFile(
        sha1=None if sha1 is None else sha1.lower(),
        size=None if size is None else int(size),
        compression=compression,
        dataset_guid=None if guid is None else str(guid),
    )
