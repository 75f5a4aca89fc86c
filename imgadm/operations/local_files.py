"""The manifest and the file of an image on this host, as ``-m`` and ``-f`` name them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from imgadm.base.errors import FileSystemError, UsageError
from imgadm.manifest import parse_manifest
from imgadm.manifest.parse import MAX_MANIFEST_BYTES


def read_local_manifest(manifest_path: Path, file_path: Path) -> dict[str, Any]:
    """Return the manifest in the file ``manifest_path``, as it is written there.

    Raises UsageError if one of the two files does not exist, FileSystemError if the manifest cannot
    be read, and InvalidManifestError.
    """
    for kind, path in (("manifest", manifest_path), ("file", file_path)):
        if not path.exists():
            raise UsageError(f'{kind} path does not exist: "{path}"')
    try:
        with manifest_path.open("rb") as file:
            data = file.read(MAX_MANIFEST_BYTES + 1)
    except OSError as error:
        raise FileSystemError.from_os_error(f'cannot read "{manifest_path}"', error) from error
    return parse_manifest(data)
