"""A folder of images that clients can publish to: the states of an image and their changes.

    create ─▶ unactivated ─ add_file ─▶ unactivated ─ activate ─▶ active ◀─ disable ─▶ disabled

A client can delete an image in every state. The file of an activated image stays as it is.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from imgadm.base.files.replacement import sync_directory
from imgadm.base.times import iso_milliseconds
from imgadm.serve.catalogues.catalogue import HostedImage
from imgadm.serve.catalogues.digests import Digests, DigestStore, stamp_of
from imgadm.serve.catalogues.folder import FolderCatalogue
from imgadm.serve.catalogues.pairs import FolderImage, SkippedPair, write_manifest
from imgadm.serve.catalogues.writable.draft import Draft
from imgadm.serve.catalogues.writable.drafts import DraftStore
from imgadm.serve.catalogues.writable.field_order import in_order
from imgadm.serve.catalogues.writable.refusals import (
    Refusal,
    RefusedError,
    activated,
    taken,
    unknown,
)
from imgadm.serve.catalogues.writable.uploads import (
    MAX_UPLOAD_BYTES,
    FileFacts,
    UploadBody,
    receive_upload,
)


class WritableFolder:
    """The pairs in ``folder`` and the unactivated images in a directory below it, as a catalogue.

    ``on_skip`` is called once with every pair that is broken. ``max_upload`` is the largest size of
    a file in bytes, ``now`` the clock that dates publications. ``digests`` knows the digests of
    files that were read earlier.

    Several threads may use it while it is :meth:`opened`. The methods that change an image return
    its new manifest. They raise :class:`RefusedError` for a change that they refuse, and OSError or
    FileSystemError where the disk fails.
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
        """Return the images that no client has activated yet."""
        with self._lock:
            return self._drafts.all()

    def images(self) -> Sequence[HostedImage]:
        """Return all images in all states."""
        drafts = self.unactivated()
        pairs = self._pairs.images()
        activated_now = {image.manifest["uuid"] for image in pairs}  # some of them just now
        return [*pairs, *(one for one in drafts if one.manifest["uuid"] not in activated_now)]

    def find(self, uuid: str) -> HostedImage | None:
        """Return the image ``uuid`` in whatever state; ``None`` if there is none."""
        with self._lock:
            draft = self._drafts.find(uuid)
        return draft or self._pairs.find(uuid)

    def _is_here(self, uuid: str) -> bool:
        """Tell whether there is such an image, without reading the files of images."""
        return self._drafts.find(uuid) is not None or uuid in self._pairs.pairs()

    def create(self, manifest: Mapping[str, Any]) -> Mapping[str, Any]:
        """Make an unactivated image without a file from a valid ``manifest``."""
        uuid, origin = manifest["uuid"], manifest.get("origin")
        with self._lock:
            if self._is_here(uuid) or self._drafts.is_taken(uuid):
                raise taken(uuid)
            if origin is not None and not self._is_here(origin):
                raise RefusedError(Refusal.NO_ORIGIN, f'origin image "{origin}" does not exist')
            return self._drafts.add(manifest).manifest

    def add_file(self, uuid: str, facts: FileFacts, upload: UploadBody) -> Mapping[str, Any]:
        """Store the file of an unactivated image; it replaces a file that the image has already."""
        with self._upload_of(uuid) as (draft, file):
            with file:
                digests = receive_upload(
                    upload, file, facts, folder=self._folder, limit=self._max_upload
                )
            return self._add(uuid, draft, facts, digests)

    @contextlib.contextmanager
    def _upload_of(self, uuid: str) -> Iterator[tuple[Draft, BinaryIO]]:
        """Keep other clients from uploading the file of the image inside the block.

        The file that is yielded is removed at the end unless it was renamed.
        """
        with self._lock:
            draft = self._drafts.find(uuid)
            if draft is None:
                if uuid in self._pairs.pairs():
                    raise RefusedError(
                        Refusal.IMMUTABLE, f'image "{uuid}" is activated: its file stays'
                    )
                raise unknown(uuid)
            if uuid in self._uploading:
                message = f'the file of image "{uuid}" is being uploaded'
                raise RefusedError(Refusal.UPLOADING, message)
            draft.partial.unlink(missing_ok=True)
            file = draft.partial.open("xb")
            self._uploading.add(uuid)
        try:
            yield draft, file
        finally:
            with self._lock:
                self._uploading.discard(uuid)
                draft.partial.unlink(missing_ok=True)

    def _add(self, uuid: str, draft: Draft, facts: FileFacts, found: Digests) -> Mapping[str, Any]:
        """Give the image the received file; another client may have changed the image meanwhile."""
        with self._lock:
            current = self._drafts.find(uuid)
            if current is None and uuid in self._pairs.pairs():
                raise activated(uuid)
            if current is None or not draft.partial.exists():
                raise unknown(uuid)
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
        """Show the image to every client; from now on it is a pair in the folder."""
        with self._lock:
            draft = self._drafts.find(uuid)
            if draft is None:
                raise activated(uuid) if uuid in self._pairs.pairs() else unknown(uuid)
            if draft.path is None:
                raise RefusedError(Refusal.NO_FILE, f'image "{uuid}" has no file')
            if self._drafts.is_taken(uuid):
                raise taken(uuid)
            manifest = dict(draft.manifest)
            if "published_at" not in manifest:
                manifest["published_at"] = iso_milliseconds(self._now())
            manifest["state"] = "disabled" if manifest["disabled"] else "active"
            self._drafts.publish(draft, in_order(manifest))
            return in_order(manifest)

    def disable(self, uuid: str, *, disabled: bool) -> Mapping[str, Any]:
        """Take the image out of the list, or put it back.

        A client that knows the UUID of a disabled image can still import it.
        """
        with self._lock:
            draft = self._drafts.find(uuid)
            if draft is not None:
                return self._drafts.replace(
                    draft, {**draft.manifest, "disabled": disabled}
                ).manifest
            pair = self._pairs.pairs().get(uuid)
            if pair is None:
                raise unknown(uuid)
            pair = pair.as_known()
            state = "disabled" if disabled else "active"
            manifest = {**pair.manifest, "disabled": disabled, "state": state}
            write_manifest(pair.source, manifest)
            return manifest

    def delete(self, uuid: str) -> None:
        """Delete the image, unless another image is based on it."""
        with self._lock:
            draft, pairs = self._drafts.find(uuid), self._pairs.pairs()
            pair = pairs.get(uuid)
            if draft is None and pair is None:
                raise unknown(uuid)
            images: list[Draft | FolderImage] = [*self._drafts.all(), *pairs.values()]
            if any(image.manifest.get("origin") == uuid for image in images):
                message = f'other images are based on image "{uuid}"'
                raise RefusedError(Refusal.HAS_CHILDREN, message)
            if draft is not None:
                self._drafts.remove(draft)
            elif pair is not None:
                self._drafts.delete_published(pair)
