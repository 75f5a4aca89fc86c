"""Layers made for tests of how images of them are received."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imgadm import streams
from imgadm.manifest import Manifest
from imgadm.manifest.docker import layer_manifests
from imgadm.operations.importing.layer_fetches import IncomingLayer

CONFIG = {"os": "linux", "architecture": "amd64", "created": "2024-01-02T03:04:05Z"}


def archive(files: Mapping[str, bytes]) -> bytes:
    """A tar archive; a name with a slash at the end is a directory."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            if name.endswith("/"):
                member.type, member.mode = tarfile.DIRTYPE, 0o755
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return made.getvalue()


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


@dataclass
class Chain:
    """Layers of one image, base first, each a gzip file in ``directory`` that counts its readers.

    ``stored`` may be replaced by what a source sends instead of what it promised.
    """

    directory: Path
    contents: Sequence[Mapping[str, bytes]]
    name: str = "test"
    stored: dict[int, bytes] = field(default_factory=dict)
    fetched: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.archives = [archive(files) for files in self.contents]
        self.blobs = [gzip.compress(tar, 1, mtime=0) for tar in self.archives]
        self.digests = [sha256(blob) for blob in self.blobs]

    @property
    def manifests(self) -> list[Manifest]:
        made = layer_manifests(self.digests, CONFIG, repository=self.name, tag="1")
        return [Manifest.of(manifest) for manifest in made]

    @property
    def uuids(self) -> list[str]:
        return [manifest.uuid for manifest in self.manifests]

    def incoming(
        self, first: int = 0, *, wrap: Callable[[int, streams.Stage], streams.Stage] | None = None
    ) -> list[IncomingLayer]:
        """The layers from number ``first`` up."""
        return [self._incoming(number, wrap) for number in range(first, len(self.blobs))]

    def _incoming(
        self, number: int, wrap: Callable[[int, streams.Stage], streams.Stage] | None
    ) -> IncomingLayer:
        def fetch() -> streams.Stage:
            self.fetched.append(number)
            path = self.directory / f"{self.name}-{number}"
            path.write_bytes(self.stored.get(number, self.blobs[number]))
            stage = streams.read_file(path)
            return stage if wrap is None else wrap(number, stage)

        return IncomingLayer(
            self.manifests[number],
            fetch,
            digest=self.digests[number],
            size=len(self.blobs[number]),
            compression="gzip",
            diff_id=sha256(self.archives[number]),
        )


def files_below(root: Path) -> dict[str, bytes]:
    """Names and contents of all files."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
