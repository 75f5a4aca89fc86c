"""The record, in a file beside the root, of attributes that could not be set on this host.

The file has one JSON object on each line, in the order of unpacking. docs/explanation/layers.md has
an example, and explains each field.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

OWNERS_FILE_NAME = "owners.jsonl"
"""The name of the file beside the root."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The recorded attributes of a path.

    A field is None where the disk has the right value. ``xattrs`` are in addition to those on disk.
    """

    uid: int | None = None
    gid: int | None = None
    mode: int | None = None
    type: str | None = None
    device: tuple[int, int] | None = None
    xattrs: Mapping[bytes, bytes] = field(default_factory=dict)


class OwnersWriter:
    """A writer that appends to the file at ``path``.

    ``real`` tells that owners are set on disk. The file is then made only when there is something
    to record. Raises ValueError if ``path`` is a file to which it can't append.
    """

    def __init__(self, path: Path, *, real: bool) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._begun = path.exists()
        self._real = _has_real_owners(path) if self._begun else real
        if self._real and not real:
            raise ValueError(
                f'"{path}" belongs to an image of root; only root can unpack more layers into it'
            )
        if not self._begun and not real:
            self._open()

    @property
    def keeps_all(self) -> bool:
        """Whether every owner is recorded, including those that are right on disk."""
        return not self._real

    def record(self, path: bytes, recorded: Recorded, *, anew: bool) -> None:
        """Append a record of ``path``.

        ``anew`` tells that ``path`` did not exist before, so that no older record has to be undone.
        """
        line: dict[str, Any] = {"path": _text(path)}
        if recorded.uid and not self._real:
            line["uid"] = recorded.uid
        if recorded.gid and not self._real:
            line["gid"] = recorded.gid
        if recorded.mode is not None:
            line["mode"] = f"{recorded.mode:o}"
        if recorded.type is not None:
            line["type"] = recorded.type
        if recorded.device is not None:
            line["device"] = recorded.device
        if recorded.xattrs:
            line["xattrs"] = {
                _text(name): base64.b64encode(value).decode("ascii")
                for name, value in recorded.xattrs.items()
            }
        if len(line) > 1 or (self._begun and not anew):
            self._append(line)

    def link(self, path: bytes, target: bytes) -> None:
        """Record that ``path`` is a hard link to ``target``."""
        if self._begun:
            self._append({"path": _text(path), "same_as": _text(target)})

    def remove(self, path: bytes) -> None:
        """Record that ``path`` and everything below it has been removed."""
        if self._begun:
            self._append({"removed": _text(path)})

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> TextIO:
        self._file = self._path.open("a", encoding="ascii")
        if not self._begun:
            self._begun = True
            self._append({"version": 1, "owners": "real" if self._real else "recorded"})
        return self._file

    def _append(self, line: dict[str, Any]) -> None:
        file = self._file or self._open()
        file.write(json.dumps(line, separators=(",", ":")) + "\n")


class Owners:
    """The recorded owners of an unpacked image."""

    def __init__(self, *, real: bool) -> None:
        self._top = _Node()
        owner = None if real else 0
        self._default = Recorded(owner, owner)

    def __getitem__(self, path: bytes) -> Recorded:
        """Return the record of ``path``, below the root, or the defaults if it has none."""
        node: _Node | None = self._top
        for part in _parts(path):
            node = node.below.get(part) if node is not None else None
        return self._default if node is None or node.recorded is None else node.recorded

    def __iter__(self) -> Iterator[tuple[bytes, Recorded]]:
        """Yield every path with a record, and the record, in no particular order."""
        pending = [(b"", self._top)]
        while pending:
            path, node = pending.pop()
            if node.recorded is not None:
                yield path, node.recorded
            for name, below in node.below.items():
                pending.append((path + b"/" + name if path else name, below))

    def _set(self, path: bytes, recorded: Recorded) -> None:
        node = self._top
        for part in _parts(path):
            node = node.below.setdefault(part, _Node())
        node.recorded = recorded

    def _remove(self, path: bytes) -> None:
        *parents, name = _parts(path)
        node = self._top
        for part in parents:
            if part not in node.below:
                return
            node = node.below[part]
        node.below.pop(name, None)


class _Node:
    __slots__ = ("below", "recorded")

    def __init__(self) -> None:
        self.recorded: Recorded | None = None
        self.below: dict[bytes, _Node] = {}


def read_owners(path: Path) -> Owners:
    """Return the records of the file at ``path``; if it is missing, the disk has all attributes.

    Raises OSError, and for a damaged file a ValueError that names the line.
    """
    if not path.exists():
        return Owners(real=True)
    owners = Owners(real=_has_real_owners(path))
    with path.open(encoding="ascii") as file:
        next(file)
        for number, text in enumerate(file, 2):
            try:
                _apply(owners, json.loads(text))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise ValueError(f'"{path}": line {number} is no record of an owner') from error
    return owners


def _has_real_owners(path: Path) -> bool:
    with path.open(encoding="ascii", errors="replace") as file:
        try:
            first = json.loads(file.readline())
            if first["version"] == 1:
                return {"real": True, "recorded": False}[first["owners"]]
        except (ValueError, KeyError, TypeError):
            pass
    raise ValueError(f'"{path}" does not begin as a record of owners of version 1')


def _apply(owners: Owners, line: dict[str, Any]) -> None:
    if "removed" in line:
        owners._remove(_bytes(line["removed"]))
        return
    path = _bytes(line["path"])
    if "same_as" in line:
        owners._set(path, owners[_bytes(line["same_as"])])
        return
    default, device = owners._default, line.get("device")
    owners._set(
        path,
        Recorded(
            int(line["uid"]) if "uid" in line else default.uid,
            int(line["gid"]) if "gid" in line else default.gid,
            int(line["mode"], 8) if "mode" in line else None,
            line.get("type"),
            None if device is None else (int(device[0]), int(device[1])),
            {
                _bytes(name): base64.b64decode(value)
                for name, value in line.get("xattrs", {}).items()
            },
        ),
    )


def _parts(path: bytes) -> list[bytes]:
    return path.split(b"/") if path else []


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
