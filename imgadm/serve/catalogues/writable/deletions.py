"""The deletion of a pair, which the next server finishes if this one is killed meanwhile.

``FOLDER/.imgadm/deletion.json`` says which pair is being deleted. Once the manifest is gone, so is
the image. The next server then removes the file too, unless another file has its name by then.
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
    """Delete ``manifest`` and ``file``, which lie in the parent of ``store``.

    Raises FileSystemError and OSError.
    """
    note = store / _NAME
    words = {"manifest": manifest.name, "file": file.name, "stamp": _stamp(file)}
    with contextlib.suppress(FileSystemError):  # on a full disk there is no room for the note
        write_atomically(note, json.dumps(words).encode())
    remove_durably(manifest)
    remove_durably(file)
    remove_durably(note)


def finish_deletion(store: Path) -> None:
    """Finish the deletion that a killed server has begun, if there is one.

    Raises what :func:`delete_pair` does, and InvalidManifestError if the note is damaged.
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
    """Return numbers that tell the file from another one of that name.

    The number of the device is left out: it may change when a host boots.
    """
    return list(stamp_of(file.lstat())[1:])
