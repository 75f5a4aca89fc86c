"""An image that no client has activated yet, and its places on disk.

::

    FOLDER/.imgadm/UUID/manifest.json       the manifest, as the server shows it
    FOLDER/.imgadm/UUID/SHA1                the file that the manifest names
    FOLDER/.imgadm/UUID/upload.partial      a file while a client uploads it

No other program takes these files for an image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgadm.base.compressions import COMPRESSION_FORMATS
from imgadm.serve.catalogues.digests import DigestStore
from imgadm.serve.catalogues.pairs import open_stored
from imgadm.serve.content import StoredBytes


@dataclass(frozen=True, slots=True)
class Draft:
    """An unactivated image in a ``directory`` of its own."""

    manifest: Mapping[str, Any]
    directory: Path
    digests: DigestStore

    @property
    def source(self) -> Path:
        """The path of the manifest."""
        return self.directory / "manifest.json"

    @property
    def path(self) -> Path | None:
        """The path of the file; ``None`` if there is none yet."""
        files = self.manifest["files"]
        return self.directory / files[0]["sha1"] if files else None

    @property
    def partial(self) -> Path:
        """The path of a file while a client uploads it."""
        return self.directory / "upload.partial"

    def open_file(self) -> StoredBytes | None:
        """Open the file; raises OSError if it is gone or has another size than promised."""
        path = self.path
        if path is None:
            return None
        return open_stored(path, self.manifest["files"][0]["size"], self.digests)


def published_manifest(folder: Path, uuid: str) -> Path:
    """Return the path that the manifest of an image gets in ``folder`` by its activation."""
    return folder / f"{uuid}.imgmanifest"


def published_file(folder: Path, manifest: Mapping[str, Any]) -> Path:
    """Return the path that the file of an image gets in ``folder`` by its activation."""
    kind = "zvol" if manifest["type"] == "zvol" else "zfs"
    suffix = COMPRESSION_FORMATS[manifest["files"][0]["compression"]].suffix
    return folder / f"{manifest['uuid']}.{kind}{suffix}"
