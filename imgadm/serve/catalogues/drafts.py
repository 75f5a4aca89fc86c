"""Images that are not activated yet, on disk: no other program takes them for images.

::

    FOLDER/.imgadm/lock                     held by the server that writes to the folder
    FOLDER/.imgadm/deletion.json            see deletions.py
    FOLDER/.imgadm/UUID/manifest.json       as it is served
    FOLDER/.imgadm/UUID/SHA1                the file that the manifest names
    FOLDER/.imgadm/UUID/upload.partial      a file on its way in
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgadm.base.compressions import COMPRESSION_FORMATS
from imgadm.base.errors import FileSystemError, ImgadmError, LockedError
from imgadm.base.files.creation import read_hidden_name
from imgadm.base.files.opening import kind_of
from imgadm.base.files.replacement import make_directory, sync_directory
from imgadm.base.locks.lock_files import LockFile
from imgadm.base.patterns import is_uuid
from imgadm.manifest import Manifest, find_violations, parse_manifest
from imgadm.manifest.errors import InvalidManifestError
from imgadm.manifest.parse import MAX_MANIFEST_BYTES
from imgadm.serve.catalogues.catalogue import StoredBytes
from imgadm.serve.catalogues.deletions import delete_pair, finish_deletion
from imgadm.serve.catalogues.digests import DigestStore, stamp_of
from imgadm.serve.catalogues.folder import (
    FolderImage,
    open_stored,
    write_manifest,
)
from imgadm.serve.catalogues.plain_files import read_plain

_WRITTEN = (".imgmanifest", ".json")
"""The suffixes of the files that this module writes by replacing them."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An unactivated image in a directory of its own."""

    manifest: Mapping[str, Any]
    directory: Path
    digests: DigestStore

    @property
    def path(self) -> Path | None:
        """The file, ``None`` if there is none yet."""
        files = self.manifest["files"]
        return self.directory / files[0]["sha1"] if files else None

    @property
    def partial(self) -> Path:
        """Where a file is while it comes."""
        return self.directory / "upload.partial"

    def open_file(self) -> StoredBytes | None:
        """Open the file; :class:`OSError` if it is gone or has another size than promised."""
        path = self.path
        if path is None:
            return None
        return open_stored(path, self.manifest["files"][0]["size"], self.digests)


class DraftStore:
    """The unactivated images of ``folder``; whoever calls excludes other threads.

    ``digests`` knows those of files that have been uploaded.
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
        self._check_root()
        descriptor = LockFile(self._root / "lock", "the folder").open()
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise LockedError(f'another server writes to "{self._folder}"') from error
            try:
                self._take_up()
            except OSError as error:
                action = f'cannot clean up "{self._root}"'
                raise FileSystemError.from_os_error(action, error) from error
            yield
        finally:
            os.close(descriptor)

    def _check_root(self) -> None:
        """Refuse a directory in which somebody else could exchange what is opened and removed."""
        status, above = self._root.lstat(), self._folder.stat()
        wrong = None
        if not stat.S_ISDIR(status.st_mode):
            wrong = f"is {kind_of(status.st_mode)}, and has to be a directory: remove it"
        elif status.st_uid not in (os.geteuid(), above.st_uid, 0):
            wrong = f"belongs to user {status.st_uid}, who has no say here: chown it, or remove it"
        elif status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            wrong = "is open to other users: run chmod go-w on it"
        if wrong:
            raise FileSystemError(f'"{self._root}" {wrong}', code="EPERM")

    def all(self) -> list[Draft]:
        return list(self._drafts.values())

    def find(self, uuid: str) -> Draft | None:
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
        """Give the image another manifest; a file that this one does not name goes."""
        changed = Draft(manifest, draft.directory, self._digests)
        write_manifest(draft.directory / "manifest.json", manifest)
        self._drafts[manifest["uuid"]] = changed
        if draft.path is not None and draft.path != changed.path:
            draft.path.unlink(missing_ok=True)
        return changed

    def remove(self, draft: Draft) -> None:
        """Forget the image, and delete what is here of it."""
        del self._drafts[draft.manifest["uuid"]]
        (draft.directory / "manifest.json").unlink(missing_ok=True)
        sync_directory(draft.directory)
        shutil.rmtree(draft.directory)

    def publish(self, draft: Draft, manifest: Mapping[str, Any]) -> None:
        """Make the image a pair in the folder, with this manifest.

        It is there when its manifest has its name; until then it is a draft.
        """
        path = draft.path
        assert path is not None
        target = self._published_file(manifest)
        known = self._digests.known(stamp_of(path.lstat()))
        path.rename(target)
        if known is not None:
            self._digests.keep(stamp_of(target.lstat()), known)
        try:
            write_manifest(self._published_manifest(manifest["uuid"]), manifest)
        except BaseException:
            target.rename(path)
            raise
        self.remove(draft)

    def delete_published(self, image: FolderImage) -> None:
        """Delete the pair; the next server deletes what is left if this one is killed.

        Raises FileSystemError.
        """
        delete_pair(self._root, image.source, image.path)

    def is_taken(self, uuid: str) -> bool:
        """Tell whether a file in the folder is in the way of an image of that UUID."""
        return any(self._folder.glob(f"{uuid}.*"))

    def _published_manifest(self, uuid: str) -> Path:
        return self._folder / f"{uuid}.imgmanifest"

    def _published_file(self, manifest: Mapping[str, Any]) -> Path:
        kind = "zvol" if manifest["type"] == "zvol" else "zfs"
        suffix = COMPRESSION_FORMATS[manifest["files"][0]["compression"]].suffix
        return self._folder / f"{manifest['uuid']}.{kind}{suffix}"

    def _take_up(self) -> None:
        finish_deletion(self._root)
        for path in [*self._folder.iterdir(), *self._root.iterdir()]:
            hidden = read_hidden_name(path.name)
            if hidden is None or Path(hidden[0]).suffix not in _WRITTEN:
                continue
            if not _is_running(hidden[1]):
                path.unlink()
        for directory in self._root.iterdir():
            if is_uuid(directory.name):
                self._take_up_draft(directory)

    def _take_up_draft(self, directory: Path) -> None:
        source = directory / "manifest.json"
        mode = directory.lstat().st_mode
        if not stat.S_ISDIR(mode):
            raise InvalidManifestError(f'"{directory}" is {kind_of(mode)}; remove it')
        if not source.exists() or self._published_manifest(directory.name).exists():
            shutil.rmtree(directory)
            return
        try:
            manifest = parse_manifest(read_plain(source, MAX_MANIFEST_BYTES))
            _check_draft(manifest, directory.name)
            draft = Draft(manifest, directory, self._digests)
            path, uuid = draft.path, draft.manifest["uuid"]
        except (ImgadmError, OSError) as error:
            raise InvalidManifestError(f'"{source}" is damaged ({error}); remove it') from error
        if path is not None and not path.exists():
            # Killed between the two steps of an activation.
            published = self._published_file(draft.manifest)
            if not published.exists():
                raise InvalidManifestError(f'"{source}" names a file that is gone; remove it')
            published.rename(path)
        for other in directory.iterdir():
            if other in (source, path):
                continue
            if other.is_dir() and not other.is_symlink():
                shutil.rmtree(other)
            else:
                other.unlink()
        self._drafts[uuid] = draft


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return process != os.getpid()  # which has not begun to write


def _check_draft(manifest: Mapping[str, Any], uuid: str) -> None:
    """Refuse a manifest that this program has not written: its words become names of files."""
    image = Manifest.of(manifest)
    violations = find_violations({**manifest, "activated": False}, "dc")
    if violations or image.uuid != uuid or image.state != "unactivated":
        raise InvalidManifestError("it is not the manifest of this image before its activation")
    file = image.file
    if "files" not in manifest or (file is not None and None in (file.sha1, file.size)):
        raise InvalidManifestError("it does not tell which file the image has")
    if file is not None and manifest["files"][0]["sha1"] != file.sha1:
        raise InvalidManifestError(f"a file is called {file.sha1} here")
