"""A folder of manifest and file pairs as a catalogue.

``NAME.imgmanifest`` or ``NAME.json`` beside ``NAME.zfs``, ``NAME.zvol`` or ``NAME.zsend``, the
latter with ``.gz``, ``.bz2``, ``.xz`` or ``.zst`` where it is compressed. Looked at again for every
request, so that pairs come and go while the server runs.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgadm.base.compressions import COMPRESSION_FORMATS, compression_by_suffix
from imgadm.base.errors import ImgadmError
from imgadm.base.files.replacement import write_atomically
from imgadm.base.json_text import indented
from imgadm.base.json_values import display
from imgadm.manifest import Manifest, parse_manifest
from imgadm.manifest.parse import MAX_MANIFEST_BYTES
from imgadm.serve.catalogues.catalogue import HostedImage, StoredBytes
from imgadm.serve.catalogues.digests import Digests, DigestStore, Stamp, stamp_of
from imgadm.serve.catalogues.plain_files import FolderContent, look_at, open_plain, read_plain

MANIFEST_SUFFIXES = (".imgmanifest", ".json")
STREAM_SUFFIXES = (".zfs", ".zvol", ".zsend")
QUICKLY_READ_BYTES = 64 << 20
"""A list waits until files of this size have been read, for the SHA-1 that a manifest lacks."""


@dataclass(frozen=True, slots=True)
class SkippedPair:
    """A pair that is not served: the manifest's path and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class FolderImage:
    """A pair of files; ``manifest`` tells the size of ``path``, and its SHA-1 as far as known.

    ``source`` is the file of the manifest, which may say less. ``stamp`` is that of ``path``.
    """

    manifest: Mapping[str, Any]
    path: Path
    source: Path
    stamp: Stamp
    digests: DigestStore

    def open_file(self) -> StoredBytes:
        """Open the file; :class:`OSError` if it is gone or has another size than promised."""
        return open_stored(self.path, self.manifest["files"][0]["size"], self.digests)

    @property
    def lacks_sha1(self) -> bool:
        """Whether nobody has said, or found out, the SHA-1 of the file."""
        return "sha1" not in self.manifest["files"][0]

    def completed(self) -> FolderImage:
        """Return the image with the SHA-1 in its manifest, which takes reading the file once.

        Raises :class:`OSError` if the file cannot be read, or changes meanwhile.
        """
        if not self.lacks_sha1:
            return self
        found = self.digests.find_out(self.stamp, lambda: open_plain(self.path))
        return self if found is None else self._with(found)

    def as_known(self) -> FolderImage:
        """Return the image with the SHA-1 in its manifest if nothing has to be read for that."""
        found = self.digests.known(self.stamp) if self.lacks_sha1 else None
        return self if found is None else self._with(found)

    def _with(self, found: Digests) -> FolderImage:
        entry = {"sha1": found.sha1, **self.manifest["files"][0]}
        manifest = {**self.manifest, "files": [entry]}
        return FolderImage(manifest, self.path, self.source, self.stamp, self.digests)


def open_stored(path: Path, promised: int, digests: DigestStore) -> StoredBytes:
    """Open a file of ``promised`` bytes; :class:`OSError` if it is gone or has another size."""
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
        except ConnectionError:  # the client who waited for it has made room
            raise
        except OSError:  # there is another file by now
            return None
        return None if found is None else found.md5

    return StoredBytes(file, status, md5)


def write_manifest(path: Path, manifest: Mapping[str, Any]) -> None:
    """Replace the manifest at ``path`` as a whole; raises FileSystemError."""
    write_atomically(path, indented(manifest).encode() + b"\n")


class FolderCatalogue:
    """The pairs in ``folder``. ``on_skip`` hears once of every pair that is broken.

    ``digests`` are shared with whoever else reads files of the folder.
    """

    def __init__(
        self,
        folder: Path,
        on_skip: Callable[[SkippedPair], None] | None = None,
        digests: DigestStore | None = None,
    ) -> None:
        self._folder = folder
        self._on_skip = on_skip
        self._digests = digests or DigestStore()
        self._lock = threading.Lock()
        self._stamps: dict[str, tuple[str, Stamp] | str] | None = None
        self._images: dict[str, FolderImage] = {}
        self._told: set[SkippedPair] = set()

    def images(self) -> Sequence[HostedImage]:
        """Return the images of all sound pairs; :class:`OSError` if the folder is unreadable.

        Manifests that do not tell the SHA-1 of a large file lack it until somebody has asked for
        that image by itself: a list does not wait until terabytes have been read.
        """
        found = [image.as_known() for image in self.pairs().values()]
        completed = [
            self._completed(image)
            if image.lacks_sha1 and image.manifest["files"][0]["size"] <= QUICKLY_READ_BYTES
            else image
            for image in found
        ]
        return [image for image in completed if image is not None]

    def find(self, uuid: str) -> FolderImage | None:
        """Return the image; :class:`OSError` if the folder is unreadable."""
        image = self.pairs().get(uuid)
        return None if image is None else self._completed(image)

    def pairs(self) -> Mapping[str, FolderImage]:
        """Return the images by UUID, with what their manifests say; no image file is read."""
        with self._lock:
            content = look_at(self._folder)
            stamps: dict[str, tuple[str, Stamp] | str] = {
                name: (file.name, stamp_of(file.status)) for name, file in content.files.items()
            }
            stamps |= content.others
            if stamps != self._stamps:
                self._images = self._scan(content)
                self._stamps = stamps
            return self._images

    def _completed(self, image: FolderImage) -> FolderImage | None:
        try:
            return image.completed()
        except ConnectionError:  # the client who waited for it has made room
            raise
        except OSError as error:
            self._skip(SkippedPair(image.source, f"{display(image.path.name)}: {error}"))
            return None

    def _scan(self, content: FolderContent) -> dict[str, FolderImage]:
        images: dict[str, FolderImage] = {}
        for name in sorted({*content.files, *content.others}):
            path = self._folder / name
            if path.suffix not in MANIFEST_SUFFIXES:
                continue
            try:
                image = self._pair(path, content)
                uuid = image.manifest["uuid"]
                if uuid in images:
                    other = display(images[uuid].path.name)
                    raise _BrokenPairError(f"{other} has the same UUID, {uuid}")
                images[uuid] = image
            except (ImgadmError, _BrokenPairError, OSError) as error:
                self._skip(SkippedPair(path, str(error)))
        return images

    def _pair(self, path: Path, content: FolderContent) -> FolderImage:
        if path.name in content.others:
            raise _BrokenPairError(content.others[path.name])
        source = self._folder / content.files[path.name].name
        text = read_plain(source, MAX_MANIFEST_BYTES + 1)
        if len(text) > MAX_MANIFEST_BYTES:
            raise _BrokenPairError(f"a manifest has at most {MAX_MANIFEST_BYTES} bytes")
        manifest = Manifest.of(parse_manifest(text))
        declared = manifest.file
        name = _stream_name(path.stem, content, declared.compression if declared else None)
        file = content.files[name]
        size = file.status.st_size
        if declared and declared.size is not None and declared.size != size:
            raise _BrokenPairError(
                f"{display(name)} has {size} bytes, {declared.size} were promised"
            )
        entry: dict[str, Any] = {"sha1": declared.sha1} if declared and declared.sha1 else {}
        entry |= {
            "size": size,
            "compression": declared.compression if declared else _compression(name),
        }
        if declared and declared.dataset_guid:
            entry["dataset_guid"] = declared.dataset_guid
        raw = {**manifest.raw, "files": [entry]}
        if "state" not in raw:
            raw = {"state": "active", **raw}
        return FolderImage(
            raw, self._folder / file.name, source, stamp_of(file.status), self._digests
        )

    def _skip(self, skipped: SkippedPair) -> None:
        if self._on_skip and skipped not in self._told:
            self._told.add(skipped)
            self._on_skip(skipped)


class _BrokenPairError(Exception):
    """Why a pair cannot be served."""


def _compression(name: str) -> str:
    return compression_by_suffix(Path(name).suffix)


def _stream_name(stem: str, content: FolderContent, compression: str | None) -> str:
    """Return the file of the pair, of several the one that is compressed as the manifest says."""
    possible = [
        stem + stream + packed.suffix
        for stream in STREAM_SUFFIXES
        for packed in COMPRESSION_FORMATS.values()
    ]
    names = [name for name in possible if name in content.files]
    if not names:
        for name in possible:
            if name in content.others:
                raise _BrokenPairError(f"{display(name)}: {content.others[name]}")
        endings = ", ".join(STREAM_SUFFIXES)
        raise _BrokenPairError(
            f"no file {display(stem)} with the ending {endings} (and .gz, .bz2, ...)"
        )
    return next((name for name in names if _compression(name) == compression), names[0])
