"""A pair in a folder: the manifest of an image beside its file.

The manifest is ``NAME.imgmanifest`` or ``NAME.json``. The file is ``NAME.zfs``, ``NAME.zvol`` or
``NAME.zsend``, followed by ``.gz``, ``.bz2``, ``.xz`` or ``.zst`` if it is compressed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgadm.base.compressions import COMPRESSION_FORMATS, compression_by_suffix
from imgadm.base.files.replacement import write_atomically
from imgadm.base.json_text import indented
from imgadm.base.text import excerpt
from imgadm.manifest import Manifest, parse_manifest
from imgadm.manifest.parse import MAX_MANIFEST_BYTES
from imgadm.serve.catalogues.digests import Digests, DigestStore, Stamp, stamp_of
from imgadm.serve.catalogues.plain_files import FolderContent, open_plain, read_plain
from imgadm.serve.content import StoredBytes

MANIFEST_SUFFIXES = (".imgmanifest", ".json")
"""The suffixes of the names of manifests."""
_STREAM_SUFFIXES = (".zfs", ".zvol", ".zsend")


class BrokenPairError(Exception):
    """A pair that cannot be served; the message says why."""


@dataclass(frozen=True, slots=True)
class SkippedPair:
    """A pair that is not served: the ``path`` of its manifest and the ``reason``."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class FolderImage:
    """A pair of files as an image.

    ``manifest`` has the size of the file at ``path``, and its SHA-1 if that is known. ``source`` is
    the path of the manifest's own file, which may have fewer members. ``stamp`` is that of the file
    at ``path``.
    """

    manifest: Mapping[str, Any]
    path: Path
    source: Path
    stamp: Stamp
    digests: DigestStore

    def open_file(self) -> StoredBytes:
        """Open the file; raises OSError if it is gone or has another size than promised."""
        return open_stored(self.path, self.manifest["files"][0]["size"], self.digests)

    @property
    def size(self) -> int:
        """The size of the file in bytes."""
        return int(self.manifest["files"][0]["size"])

    @property
    def lacks_sha1(self) -> bool:
        """Whether ``manifest`` has no SHA-1 of the file."""
        return "sha1" not in self.manifest["files"][0]

    def completed(self) -> FolderImage:
        """Return the image with the SHA-1 in its manifest; the file is read once for that.

        Raises :class:`OSError` if the file cannot be read, or changes meanwhile.
        """
        if not self.lacks_sha1:
            return self
        found = self.digests.find_out(self.stamp, lambda: open_plain(self.path))
        return self if found is None else self._with(found)

    def as_known(self) -> FolderImage:
        """Return the image, with the SHA-1 in its manifest if that is known without reading."""
        found = self.digests.known(self.stamp) if self.lacks_sha1 else None
        return self if found is None else self._with(found)

    def _with(self, found: Digests) -> FolderImage:
        entry = {"sha1": found.sha1, **self.manifest["files"][0]}
        manifest = {**self.manifest, "files": [entry]}
        return FolderImage(manifest, self.path, self.source, self.stamp, self.digests)


def open_stored(path: Path, promised: int, digests: DigestStore) -> StoredBytes:
    """Open a file of ``promised`` bytes.

    Raises :class:`OSError` if the file is gone or has another size.
    """
    file = open_plain(path)
    status = os.fstat(file.fileno())
    if status.st_size != promised:
        file.close()
        raise OSError(f"{path} has {status.st_size} bytes, {promised} were promised")

    def md5(seconds: float) -> bytes | None:
        stamp = stamp_of(status)
        try:
            found = (
                digests.find_out(stamp, lambda: open_plain(path), seconds)
                if seconds
                else digests.known(stamp)
            )
        except ConnectionError:  # the server has cut the client that waited for it
            raise
        except OSError:  # another file has this name by now
            return None
        return None if found is None else found.md5

    return StoredBytes(file, status, md5)


def write_manifest(path: Path, manifest: Mapping[str, Any]) -> None:
    """Replace the manifest at ``path`` as a whole; raises FileSystemError."""
    write_atomically(path, indented(manifest).encode() + b"\n")


def read_pair(path: Path, content: FolderContent, digests: DigestStore) -> FolderImage:
    """Return the image whose manifest is at ``path``, in a folder with this ``content``.

    Raises :class:`BrokenPairError`, ImgadmError and OSError if it cannot be served.
    """
    folder = path.parent
    if path.name in content.others:
        raise BrokenPairError(content.others[path.name])
    source = folder / content.files[path.name].name
    text = read_plain(source, MAX_MANIFEST_BYTES + 1)
    if len(text) > MAX_MANIFEST_BYTES:
        raise BrokenPairError(f"a manifest has at most {MAX_MANIFEST_BYTES} bytes")
    manifest = Manifest.of(parse_manifest(text))
    declared = manifest.file
    name = _stream_name(path.stem, content, declared.compression if declared else None)
    file = content.files[name]
    size = file.status.st_size
    if declared and declared.size is not None and declared.size != size:
        raise BrokenPairError(f"{excerpt(name)} has {size} bytes, {declared.size} were promised")
    entry: dict[str, Any] = {"sha1": declared.sha1} if declared and declared.sha1 else {}
    entry |= {"size": size, "compression": declared.compression if declared else _compression(name)}
    if declared and declared.dataset_guid:
        entry["dataset_guid"] = declared.dataset_guid
    raw = {**manifest.raw, "files": [entry]}
    if "state" not in raw:
        raw = {"state": "active", **raw}
    return FolderImage(raw, folder / file.name, source, stamp_of(file.status), digests)


def _compression(name: str) -> str:
    return compression_by_suffix(Path(name).suffix)


def _stream_name(stem: str, content: FolderContent, compression: str | None) -> str:
    """Return the name of the pair's file.

    Of several it is the one whose suffix stands for the ``compression`` in the manifest.
    """
    possible = [
        stem + stream + packed.suffix
        for stream in _STREAM_SUFFIXES
        for packed in COMPRESSION_FORMATS.values()
    ]
    names = [name for name in possible if name in content.files]
    if not names:
        for name in possible:
            if name in content.others:
                raise BrokenPairError(f"{excerpt(name)}: {content.others[name]}")
        endings = ", ".join(_STREAM_SUFFIXES)
        raise BrokenPairError(
            f"no file {excerpt(stem)} with the ending {endings} (and .gz, .bz2, ...)"
        )
    return next((name for name in names if _compression(name) == compression), names[0])
