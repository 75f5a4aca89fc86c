"""A folder of manifest and file pairs as a catalogue.

``NAME.imgmanifest`` or ``NAME.json`` beside ``NAME.zfs``, ``NAME.zvol`` or ``NAME.zsend``, the
latter with ``.gz``, ``.bz2``, ``.xz`` or ``.zst`` where it is compressed. Looked at again for every
request, so that pairs come and go while the server runs.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgadm.errors import ImgadmError
from imgadm.files import write_atomically
from imgadm.json_text import indented
from imgadm.manifest import Manifest, parse_manifest
from imgadm.manifest.parse import MAX_MANIFEST_BYTES
from imgadm.serve.catalogue import HostedImage, StoredBytes

MANIFEST_SUFFIXES = (".imgmanifest", ".json")
STREAM_SUFFIXES = (".zfs", ".zvol", ".zsend")
COMPRESSION_BY_SUFFIX = {"": "none", ".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}

_Stamp = tuple[int, int]


@dataclass(frozen=True, slots=True)
class SkippedPair:
    """A pair that is not served: the manifest's path and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class FolderImage:
    """A pair of files; ``manifest`` promises the size and SHA-1 of ``path``.

    ``source`` is the file of the manifest, which may say less.
    """

    manifest: Mapping[str, Any]
    path: Path
    source: Path

    def open_file(self) -> StoredBytes:
        """Open the file; :class:`OSError` if it is gone or has another size than promised."""
        return open_stored(self.path, self.manifest["files"][0]["size"])


def open_stored(path: Path, promised: int) -> StoredBytes:
    """Open a file of ``promised`` bytes; :class:`OSError` if it is gone or has another size."""
    file = path.open("rb", buffering=0)
    status = os.fstat(file.fileno())
    if status.st_size != promised:
        file.close()
        raise OSError(f"{path} has {status.st_size} bytes, {promised} were promised")
    return StoredBytes(file, status.st_size, status.st_mtime)


def write_manifest(path: Path, manifest: Mapping[str, Any]) -> None:
    """Replace the manifest at ``path`` as a whole; raises FileSystemError."""
    write_atomically(path, indented(manifest).encode() + b"\n")


class FolderCatalogue:
    """The pairs in ``folder``. ``on_skip`` hears once of every pair that is broken."""

    def __init__(self, folder: Path, on_skip: Callable[[SkippedPair], None] | None = None) -> None:
        self._folder = folder
        self._on_skip = on_skip
        self._lock = threading.Lock()
        self._stamps: dict[str, _Stamp] | None = None
        self._images: dict[str, FolderImage] = {}
        self._digests: dict[tuple[str, _Stamp], str] = {}
        self._told: set[SkippedPair] = set()

    def images(self) -> Sequence[HostedImage]:
        """Return the images of all sound pairs; :class:`OSError` if the folder is unreadable."""
        return list(self._current().values())

    def find(self, uuid: str) -> FolderImage | None:
        """Return the image; :class:`OSError` if the folder is unreadable."""
        return self._current().get(uuid)

    def _current(self) -> dict[str, FolderImage]:
        with self._lock:
            stamps = {}
            for path in self._folder.iterdir():
                with suppress(FileNotFoundError):  # it has just gone
                    status = path.stat()
                    if stat.S_ISREG(status.st_mode):
                        stamps[path.name] = (status.st_size, status.st_mtime_ns)
            if stamps != self._stamps:
                self._images = self._scan(stamps)
                self._stamps = stamps
            return self._images

    def _scan(self, stamps: dict[str, _Stamp]) -> dict[str, FolderImage]:
        images: dict[str, FolderImage] = {}
        for name in sorted(stamps):
            path = self._folder / name
            if path.suffix not in MANIFEST_SUFFIXES:
                continue
            try:
                image = self._pair(path, stamps)
                uuid = image.manifest["uuid"]
                if uuid in images:
                    raise _BrokenPairError(f"{images[uuid].path.name} has the same UUID, {uuid}")
                images[uuid] = image
            except (ImgadmError, _BrokenPairError, OSError) as error:
                self._skip(SkippedPair(path, str(error)))
        return images

    def _pair(self, path: Path, stamps: dict[str, _Stamp]) -> FolderImage:
        if stamps[path.name][0] > MAX_MANIFEST_BYTES:
            raise _BrokenPairError(f"a manifest has at most {MAX_MANIFEST_BYTES} bytes")
        manifest = Manifest.of(parse_manifest(path.read_bytes()))
        declared = manifest.file
        name = _stream_name(path.stem, stamps, declared.compression if declared else None)
        size = stamps[name][0]
        if declared and declared.size is not None and declared.size != size:
            raise _BrokenPairError(f"{name} has {size} bytes, {declared.size} were promised")
        entry = {
            "sha1": (declared and declared.sha1) or self._sha1(name, stamps[name]),
            "size": size,
            "compression": declared.compression if declared else _compression(name),
        }
        if declared and declared.dataset_guid:
            entry["dataset_guid"] = declared.dataset_guid
        raw = {**manifest.raw, "files": [entry]}
        if "state" not in raw:
            raw = {"state": "active", **raw}
        return FolderImage(raw, self._folder / name, path)

    def _sha1(self, name: str, stamp: _Stamp) -> str:
        key = (name, stamp)
        if key not in self._digests:
            with (self._folder / name).open("rb") as file:
                digest = hashlib.file_digest(file, lambda: hashlib.sha1(usedforsecurity=False))
            self._digests[key] = digest.hexdigest()
        return self._digests[key]

    def _skip(self, skipped: SkippedPair) -> None:
        if self._on_skip and skipped not in self._told:
            self._told.add(skipped)
            self._on_skip(skipped)


class _BrokenPairError(Exception):
    """Why a pair cannot be served."""


def _compression(name: str) -> str:
    return COMPRESSION_BY_SUFFIX.get(Path(name).suffix, "none")


def _stream_name(stem: str, stamps: dict[str, _Stamp], compression: str | None) -> str:
    """Return the file of the pair, of several the one that is compressed as the manifest says."""
    names = [
        name
        for stream in STREAM_SUFFIXES
        for packed in COMPRESSION_BY_SUFFIX
        if (name := stem + stream + packed) in stamps
    ]
    if not names:
        endings = ", ".join(STREAM_SUFFIXES)
        raise _BrokenPairError(f"no file {stem} with the ending {endings} (and .gz, .bz2, ...)")
    return next((name for name in names if _compression(name) == compression), names[0])
