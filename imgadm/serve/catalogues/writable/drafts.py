"""The unactivated images of a folder: kept on disk, activated, deleted.

::

    FOLDER/.imgadm/lock                     held by the server that writes to the folder
    FOLDER/.imgadm/deletion.json            see deletions.py
    FOLDER/.imgadm/UUID/                    see draft.py
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from imgadm.base.errors import FileSystemError, LockedError
from imgadm.base.files.replacement import make_directory, sync_directory
from imgadm.base.locks.lock_files import LockFile
from imgadm.serve.catalogues.digests import DigestStore, stamp_of
from imgadm.serve.catalogues.pairs import FolderImage, write_manifest
from imgadm.serve.catalogues.writable.deletions import delete_pair
from imgadm.serve.catalogues.writable.draft import Draft, published_file, published_manifest
from imgadm.serve.catalogues.writable.recovery import check_store, take_up_drafts


class DraftStore:
    """The unactivated images of ``folder``.

    The caller keeps other threads out. ``digests`` knows those of files that clients have uploaded.
    """

    def __init__(self, folder: Path, digests: DigestStore) -> None:
        self._folder = folder
        self._digests = digests
        self._root = folder / ".imgadm"
        self._drafts: dict[str, Draft] = {}

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """Keep other servers from writing to the folder, and take up what the last one left.

        Raises LockedError, FileSystemError, and InvalidManifestError for a damaged draft.
        """
        make_directory(self._root)
        check_store(self._root, self._folder)
        lock = LockFile(self._root / "lock", f'the folder "{self._folder}"')
        descriptor = lock.open()
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise LockedError(lock.what, "another server", cause=error) from error
            try:
                self._drafts |= take_up_drafts(self._root, self._folder, self._digests)
            except OSError as error:
                action = f'cannot clean up "{self._root}"'
                raise FileSystemError.from_os_error(action, error) from error
            yield
        finally:
            os.close(descriptor)

    def all(self) -> list[Draft]:
        """Return all unactivated images."""
        return list(self._drafts.values())

    def find(self, uuid: str) -> Draft | None:
        """Return the unactivated image ``uuid``; ``None`` if there is none."""
        return self._drafts.get(uuid)

    def add(self, manifest: Mapping[str, Any]) -> Draft:
        """Keep a new image."""
        directory = self._root / manifest["uuid"]
        directory.mkdir(0o700)
        try:
            return self.replace(Draft(manifest, directory, self._digests), manifest)
        except BaseException:
            shutil.rmtree(directory, ignore_errors=True)
            raise

    def replace(self, draft: Draft, manifest: Mapping[str, Any]) -> Draft:
        """Give the image another manifest, and delete a file that this one does not name."""
        changed = Draft(manifest, draft.directory, self._digests)
        write_manifest(changed.source, manifest)
        self._drafts[manifest["uuid"]] = changed
        if draft.path is not None and draft.path != changed.path:
            draft.path.unlink(missing_ok=True)
        return changed

    def remove(self, draft: Draft) -> None:
        """Delete the image and its directory."""
        del self._drafts[draft.manifest["uuid"]]
        draft.source.unlink(missing_ok=True)
        sync_directory(draft.directory)
        shutil.rmtree(draft.directory)

    def publish(self, draft: Draft, manifest: Mapping[str, Any]) -> None:
        """Make the image a pair in the folder, with this ``manifest``.

        The pair exists from the moment when its manifest has its name. Until then the image is a
        draft, also for the next server if this one is killed.
        """
        path = draft.path
        assert path is not None
        target = published_file(self._folder, manifest)
        known = self._digests.known(stamp_of(path.lstat()))
        path.rename(target)
        if known is not None:
            self._digests.keep(stamp_of(target.lstat()), known)
        try:
            write_manifest(published_manifest(self._folder, manifest["uuid"]), manifest)
        except BaseException:
            target.rename(path)
            raise
        self.remove(draft)

    def delete_published(self, image: FolderImage) -> None:
        """Delete a pair. If this server is killed meanwhile, the next one deletes the rest.

        Raises FileSystemError.
        """
        delete_pair(self._root, image.source, image.path)

    def is_taken(self, uuid: str) -> bool:
        """Tell whether the name of a file in the folder begins with that UUID and a dot."""
        return any(self._folder.glob(f"{uuid}.*"))
