"""The recovery of a folder when a server starts: changes of a killed server, finished or undone."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imgadm.base.errors import FileSystemError, ImgadmError
from imgadm.base.files.creation import read_hidden_name
from imgadm.base.files.opening import kind_of
from imgadm.base.patterns import is_uuid
from imgadm.manifest import Manifest, find_violations, parse_manifest
from imgadm.manifest.errors import InvalidManifestError
from imgadm.manifest.parse import MAX_MANIFEST_BYTES
from imgadm.serve.catalogues.digests import DigestStore
from imgadm.serve.catalogues.plain_files import read_plain
from imgadm.serve.catalogues.writable.deletions import finish_deletion
from imgadm.serve.catalogues.writable.draft import Draft, published_file, published_manifest

_WRITTEN = (".imgmanifest", ".json")
"""The suffixes of the files that a server writes by replacing them."""


def check_store(store: Path, folder: Path) -> None:
    """Refuse a directory ``store`` in which another user could exchange what this one opens.

    Raises FileSystemError.
    """
    status, above = store.lstat(), folder.stat()
    wrong = None
    if not stat.S_ISDIR(status.st_mode):
        wrong = f"is {kind_of(status.st_mode)}, and has to be a directory: remove it"
    elif status.st_uid not in (os.geteuid(), above.st_uid, 0):
        wrong = (
            f"belongs to user {status.st_uid}; it has to belong to you, to root or to the owner of "
            "the folder: chown it, or remove it"
        )
    elif status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        wrong = "can be written to by other users: run chmod go-w on it"
    if wrong:
        raise FileSystemError(f'"{store}" {wrong}', code="EPERM")


def take_up_drafts(store: Path, folder: Path, digests: DigestStore) -> dict[str, Draft]:
    """Finish or undo the changes that a killed server began; return the drafts by UUID.

    The caller holds the lock of ``store``. Raises OSError, FileSystemError, and
    InvalidManifestError for a damaged draft.
    """
    finish_deletion(store)
    for path in [*folder.iterdir(), *store.iterdir()]:
        hidden = read_hidden_name(path.name)
        if hidden is None or Path(hidden[0]).suffix not in _WRITTEN:
            continue
        if not _is_running(hidden[1]):
            path.unlink()
    drafts = {}
    for directory in store.iterdir():
        if is_uuid(directory.name):
            draft = _take_up(directory, folder, digests)
            if draft is not None:
                drafts[directory.name] = draft
    return drafts


def _take_up(directory: Path, folder: Path, digests: DigestStore) -> Draft | None:
    source = directory / "manifest.json"
    mode = directory.lstat().st_mode
    if not stat.S_ISDIR(mode):
        raise InvalidManifestError(f'"{directory}" is {kind_of(mode)}; remove it')
    if not source.exists() or published_manifest(folder, directory.name).exists():
        shutil.rmtree(directory)
        return None
    try:
        manifest = parse_manifest(read_plain(source, MAX_MANIFEST_BYTES))
        _check_draft(manifest, directory.name)
        draft = Draft(manifest, directory, digests)
        path = draft.path
    except (ImgadmError, OSError) as error:
        raise InvalidManifestError(f'"{source}" is damaged ({error}); remove it') from error
    if path is not None and not path.exists():
        # The server was killed between the two steps of an activation.
        published = published_file(folder, draft.manifest)
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
    return draft


def _is_running(process: int) -> bool:
    """Tell whether another process with this number runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return process != os.getpid()  # this process has not written anything yet


def _check_draft(manifest: Mapping[str, Any], uuid: str) -> None:
    """Refuse a manifest that no server has written: its members become names of files."""
    image = Manifest.of(manifest)
    violations = find_violations({**manifest, "activated": False}, "dc")
    if violations or image.uuid != uuid or image.state != "unactivated":
        raise InvalidManifestError("it is not the manifest of this image before its activation")
    file = image.file
    if "files" not in manifest or (file is not None and None in (file.sha1, file.size)):
        raise InvalidManifestError("it does not say which file the image has")
    if file is not None and manifest["files"][0]["sha1"] != file.sha1:
        raise InvalidManifestError(f"the SHA-1 of the file has to be written as {file.sha1}")
