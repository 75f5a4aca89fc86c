"""Deleting the two files of an image so that a server that is killed meanwhile leaves neither.

``FOLDER/.imgadm/deletion.json`` says which pair goes. The image is gone when its manifest is; what
the file has left then is removed by the next server, unless somebody has put another file there.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from imgadm.base.errors import FileSystemError
from imgadm.base.files.replacement import remove_durably, write_atomically
from imgadm.manifest.errors import InvalidManifestError
from imgadm.serve.catalogues.digests import stamp_of
from imgadm.serve.catalogues.plain_files import read_plain

_NAME = "deletion.json"
_MOST_BYTES = 4096


def delete_pair(store: Path, manifest: Path, file: Path) -> None:
    """Delete both, which lie in the parent of ``store``; raises FileSystemError and OSError."""
    note = store / _NAME
    words = {"manifest": manifest.name, "file": file.name, "stamp": _stamp(file)}
    with contextlib.suppress(FileSystemError):  # on a full disk there is no room for it
        write_atomically(note, json.dumps(words).encode())
    remove_durably(manifest)
    remove_durably(file)
    remove_durably(note)


def finish_deletion(store: Path) -> None:
    """Do what a killed server has left to do; raises what :func:`delete_pair` does.

    InvalidManifestError if nobody can tell what that is.
    """
    note = store / _NAME
    try:
        text = read_plain(note, _MOST_BYTES)
    except FileNotFoundError:
        return
    try:
        words = json.loads(text)
        manifest, file = (_beside(store, words[name]) for name in ("manifest", "file"))
        stamp = words["stamp"]
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidManifestError(f'"{note}" is damaged; remove it') from error
    if not os.path.lexists(manifest) and os.path.lexists(file) and _stamp(file) == stamp:
        remove_durably(file)
    remove_durably(note)


def _beside(store: Path, name: str) -> Path:
    if Path(name).name != name or name in ("", ".."):
        raise ValueError(name)
    return store.parent / name


def _stamp(file: Path) -> list[int]:
    """Differs for another file of that name. Numbers of devices change when a host starts."""
    return list(stamp_of(file.lstat())[1:])
