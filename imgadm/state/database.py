"""The records of installed images: one file per image, named POOL-UUID.json.

The pool decides which images are installed. A record adds the manifest and the source of an image.
The layout is that of imgadm 2 and later, which platform services read directly::

    {"manifest": {...}, "zpool": "zones", "source": "https://images.smartos.org"}
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imgadm.base.errors import FileSystemError
from imgadm.base.files.replacement import read_or_none, remove_durably, write_atomically
from imgadm.base.json_input import JSONError, parse_json
from imgadm.base.patterns import UUID
from imgadm.base.redaction import redact_url
from imgadm.state.summaries import Summary, read_summaries

RECORD_KEYS = frozenset({"manifest", "zpool", "source"})
"""The keys of a record that this version of imgadm knows."""
_NAME = re.compile(rf"(.+)-({UUID})\.json")


@dataclass(frozen=True)
class Record:
    """The manifest of an image, the URL of its source, and unknown keys of the record.

    ``source`` is the URL as configured, without its secrets. Files of older versions have them.
    """

    manifest: dict[str, Any]
    source: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)


def _ignore(_: str) -> None:
    """Drop a warning."""


class Database:
    """The records in one directory.

    A damaged record is no error: ``warn`` gets one line with the name of the file and the fault,
    and the image counts as one without a record. Summaries of the records are kept in
    ``cache_directory``, if that is given.
    """

    def __init__(
        self,
        directory: Path,
        *,
        warn: Callable[[str], None] = _ignore,
        cache_directory: Path | None = None,
    ) -> None:
        self._directory = directory
        self._warn = warn
        self._cache_directory = cache_directory

    def path(self, pool: str, uuid: str) -> Path:
        """Return the path of the record of an image. Raises ValueError for a name with a slash."""
        return Path(self._path(pool, uuid))

    def _path(self, pool: str, uuid: str) -> str:
        return f"{self._directory}/{_name(pool, uuid)}"

    def names(self) -> Iterator[tuple[str, str]]:
        """Yield pool and UUID of every record, sorted. Raises FileSystemError."""
        try:
            found = sorted(path.name for path in self._directory.iterdir())
        except FileNotFoundError:
            return
        except OSError as error:
            raise FileSystemError.from_os_error(
                f'cannot read "{self._directory}"', error
            ) from error
        for match in filter(None, map(_NAME.fullmatch, found)):
            yield match[1], match[2]

    def has(self, pool: str, uuid: str) -> bool:
        """Tell whether an image has a record, usable or not."""
        try:
            self.path(pool, uuid).stat()
        except OSError:
            return False
        return True

    def read(self, pool: str, uuid: str) -> Record | None:
        """Return the record of an image, None if it has no usable one."""
        path = self._path(pool, uuid)
        try:
            content = read_or_none(path)
            return None if content is None else _parse(content, uuid)
        except FileSystemError as error:
            self._warn(f"ignoring the record of image {uuid}: {error}")
        except ValueError as error:
            self._warn(f'ignoring the record of image {uuid}: "{path}" {error}')
        return None

    def summaries(self, pool: str, uuids: Sequence[str]) -> list[Summary | None]:
        """Return the summary of each record of ``uuids`` on ``pool``, None for an unusable one."""
        uuid_by_name = {_name(pool, uuid): uuid for uuid in uuids}

        def read(name: str) -> Summary | None:
            record = self.read(pool, uuid_by_name[name])
            return None if record is None else Summary(record.manifest, record.source)

        return read_summaries(
            pool, str(self._directory), list(uuid_by_name), read, self._cache_directory
        )

    def write(
        self,
        pool: str,
        manifest: Mapping[str, Any],
        source: str | None,
        *,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """Record the image ``manifest["uuid"]``, replacing its record. Raises FileSystemError."""
        record: dict[str, Any] = {"manifest": manifest, "zpool": pool}
        if source is not None:
            record["source"] = redact_url(source)
        record.update(extra or {})
        text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
        write_atomically(
            self.path(pool, manifest["uuid"]), text.encode("utf-8", "backslashreplace")
        )

    def remove(self, pool: str, uuid: str) -> None:
        """Forget an image; no error if nothing is recorded. Raises FileSystemError."""
        remove_durably(self.path(pool, uuid))


def _name(pool: str, uuid: str) -> str:
    name = f"{pool}-{uuid}.json"
    if "/" in name or "\0" in name:
        raise ValueError(f"not a file name: {name!r}")
    return name


def _parse(content: bytes, uuid: str) -> Record:
    """Return the record in ``content``.

    Raises ValueError with a text that continues a sentence after the name of the file.
    """
    try:
        record = parse_json(content)
    except JSONError:
        raise ValueError("is not valid JSON") from None
    manifest = record.get("manifest") if isinstance(record, dict) else None
    if not isinstance(manifest, dict):
        raise ValueError('has no "manifest" object')
    if manifest.get("uuid") != uuid:
        raise ValueError(f"is about another image, {json.dumps(manifest.get('uuid'))}")
    source = record.get("source")
    return Record(
        manifest=manifest,
        source=redact_url(source) if isinstance(source, str) else None,
        extra={key: value for key, value in record.items() if key not in RECORD_KEYS},
    )
