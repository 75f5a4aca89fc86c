"""A folder of images that can be published to: the states of an image, and what leads where.

    create ─▶ unactivated ─ add_file ─▶ unactivated ─ activate ─▶ active ◀─ disable ─▶ disabled

An image can be deleted in every state. From its activation on its file stays as it is.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from imgadm.base.files.replacement import sync_directory
from imgadm.base.times import iso_milliseconds
from imgadm.serve.catalogues.catalogue import HostedImage
from imgadm.serve.catalogues.digests import Digests, DigestStore, Hashing, stamp_of
from imgadm.serve.catalogues.drafts import Draft, DraftStore
from imgadm.serve.catalogues.folder import FolderCatalogue, FolderImage, SkippedPair, write_manifest
from imgadm.serve.http.replies import HttpError, not_found
from imgadm.serve.http.request_body import RequestBody
from imgadm.serve.imgapi.submitted import in_order

MAX_UPLOAD_BYTES = 20 << 30


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a client says of the file that it uploads."""

    compression: str
    sha1: str | None = None
    dataset_guid: str | None = None


class WritableFolder:
    """The pairs in ``folder`` and the unactivated images in a directory below, as a catalogue.

    Usable, from several threads, while :meth:`opened`. Methods that change an image return its
    manifest, and raise :class:`HttpError` for what a client may not do.
    """

    def __init__(
        self,
        folder: Path,
        on_skip: Callable[[SkippedPair], None] | None = None,
        *,
        max_upload: int = MAX_UPLOAD_BYTES,
        digests: DigestStore | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._folder = folder
        self._digests = digests or DigestStore()
        self._pairs = FolderCatalogue(folder, on_skip, self._digests)
        self._drafts = DraftStore(folder, self._digests)
        self._max_upload = max_upload
        self._now = now
        self._lock = threading.RLock()
        self._uploading: set[str] = set()

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """Keep other servers from writing to the folder; raises :class:`ImgadmError`."""
        with self._drafts.opened():
            yield

    def unactivated(self) -> list[Draft]:
        """Return the images that wait to be activated."""
        with self._lock:
            return self._drafts.all()

    def images(self) -> Sequence[HostedImage]:
        """Return all images in all states."""
        drafts = self.unactivated()
        pairs = self._pairs.images()
        activated = {image.manifest["uuid"] for image in pairs}  # some of them just now
        return [*pairs, *(one for one in drafts if one.manifest["uuid"] not in activated)]

    def find(self, uuid: str) -> HostedImage | None:
        """Return the image in whatever state."""
        with self._lock:
            draft = self._drafts.find(uuid)
        return draft or self._pairs.find(uuid)

    def _is_here(self, uuid: str) -> bool:
        """Tell whether there is such an image, without reading files of images."""
        return self._drafts.find(uuid) is not None or uuid in self._pairs.pairs()

    def create(self, manifest: Mapping[str, Any]) -> Mapping[str, Any]:
        """Make an unactivated image without a file."""
        uuid, origin = manifest["uuid"], manifest.get("origin")
        with self._lock:
            if self._is_here(uuid) or self._drafts.is_taken(uuid):
                raise uuid_taken(uuid)
            if origin is not None and not self._is_here(origin):
                raise HttpError(
                    422, "OriginDoesNotExist", f'origin image "{origin}" does not exist'
                )
            return self._drafts.add(manifest).manifest

    def add_file(self, uuid: str, facts: FileFacts, body: RequestBody) -> Mapping[str, Any]:
        """Store the file of an unactivated image, in place of one that it has."""
        with self._upload_of(uuid) as (draft, file):
            with file:
                digests = self._receive(file, facts, body)
            return self._add(uuid, draft, facts, digests)

    @contextlib.contextmanager
    def _upload_of(self, uuid: str) -> Iterator[tuple[Draft, BinaryIO]]:
        """Be the only one who uploads the file of the image, into a file that goes in the end."""
        with self._lock:
            draft = self._drafts.find(uuid)
            if draft is None:
                if uuid in self._pairs.pairs():
                    raise HttpError(
                        422, "ImageFilesImmutable", f'image "{uuid}" is activated: its file stays'
                    )
                raise _unknown(uuid)
            if uuid in self._uploading:
                raise HttpError(409, "Upload", f'the file of image "{uuid}" is being uploaded')
            draft.partial.unlink(missing_ok=True)
            file = draft.partial.open("xb")
            self._uploading.add(uuid)
        try:
            yield draft, file
        finally:
            with self._lock:
                self._uploading.discard(uuid)
                draft.partial.unlink(missing_ok=True)

    def _receive(self, file: BinaryIO, facts: FileFacts, body: RequestBody) -> Digests:
        """Write the body to ``file``; returns its digests, which fit ``facts``."""
        if body.length is not None:
            self._check_size(body.length)
            status = os.statvfs(self._folder)
            available = status.f_bavail * status.f_frsize
            if body.length > available:
                raise no_space(f"{body.length} bytes are needed, {available} are available")
        hashing = Hashing()
        for block in body.blocks():
            hashing.update(block)
            self._check_size(hashing.size)
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
        if hashing.size == 0:
            raise HttpError(
                400, "Download", "image file size is 0 bytes, empty files are not allowed"
            )
        found = hashing.digests()
        if facts.sha1 not in (None, found.sha1):
            raise HttpError(
                400,
                "Download",
                f'"sha1" hash, {facts.sha1}, does not match the uploaded file sha1 hash, '
                f"{found.sha1}",
            )
        return found

    def _check_size(self, size: int) -> None:
        if size > self._max_upload:
            raise HttpError(
                400, "Upload", f"the file is too big, at most {self._max_upload} bytes are taken"
            )

    def _add(self, uuid: str, draft: Draft, facts: FileFacts, found: Digests) -> Mapping[str, Any]:
        with self._lock:
            current = self._drafts.find(uuid)
            if current is None and uuid in self._pairs.pairs():
                raise _activated(uuid)
            if current is None or not draft.partial.exists():
                raise _unknown(uuid)
            path = draft.directory / found.sha1
            draft.partial.rename(path)
            sync_directory(draft.directory)
            self._digests.keep(stamp_of(path.lstat()), found)
            entry = {"sha1": found.sha1, "size": found.size, "compression": facts.compression}
            if facts.dataset_guid is not None:
                entry["dataset_guid"] = facts.dataset_guid
            manifest = {**current.manifest, "files": [entry]}
            try:
                return self._drafts.replace(current, manifest).manifest
            except BaseException:
                if path != current.path:
                    path.unlink()
                raise

    def activate(self, uuid: str) -> Mapping[str, Any]:
        """Show the image to everyone."""
        with self._lock:
            draft = self._drafts.find(uuid)
            if draft is None:
                raise _activated(uuid) if uuid in self._pairs.pairs() else _unknown(uuid)
            if draft.path is None:
                raise HttpError(422, "NoActivationNoFile", f'image "{uuid}" has no file')
            if self._drafts.is_taken(uuid):
                raise uuid_taken(uuid)
            manifest = dict(draft.manifest)
            if "published_at" not in manifest:
                manifest["published_at"] = iso_milliseconds(self._now())
            manifest["state"] = "disabled" if manifest["disabled"] else "active"
            self._drafts.publish(draft, in_order(manifest))
            return in_order(manifest)

    def disable(self, uuid: str, *, disabled: bool) -> Mapping[str, Any]:
        """Hide the image from those who do not know it already, or show it again."""
        with self._lock:
            draft = self._drafts.find(uuid)
            if draft is not None:
                return self._drafts.replace(
                    draft, {**draft.manifest, "disabled": disabled}
                ).manifest
            pair = self._pairs.pairs().get(uuid)
            if pair is None:
                raise _unknown(uuid)
            pair = pair.as_known()
            state = "disabled" if disabled else "active"
            manifest = {**pair.manifest, "disabled": disabled, "state": state}
            write_manifest(pair.source, manifest)
            return manifest

    def delete(self, uuid: str) -> None:
        """Delete the image, if no other one is based on it."""
        with self._lock:
            draft, pairs = self._drafts.find(uuid), self._pairs.pairs()
            pair = pairs.get(uuid)
            if draft is None and pair is None:
                raise _unknown(uuid)
            images: list[Draft | FolderImage] = [*self._drafts.all(), *pairs.values()]
            if any(image.manifest.get("origin") == uuid for image in images):
                raise HttpError(
                    422, "ImageHasDependentImages", f'other images are based on image "{uuid}"'
                )
            if draft is not None:
                self._drafts.remove(draft)
            elif pair is not None:
                self._drafts.delete_published(pair)


def _unknown(uuid: str) -> HttpError:
    return not_found(f'image "{uuid}" was not found')


def uuid_taken(uuid: str) -> HttpError:
    """Return the error for an image that cannot be made, since there is one."""
    return HttpError(409, "ImageUuidAlreadyExists", f'image uuid "{uuid}" already exists')


def _activated(uuid: str) -> HttpError:
    return HttpError(422, "ImageAlreadyActivated", f'image "{uuid}" is already activated')


def no_space(message: str) -> HttpError:
    """Return the error for a disk that is full."""
    return HttpError(503, "StorageIsDown", message)
