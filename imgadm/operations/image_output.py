"""Where a new image goes: two files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgadm.errors import FileSystemError
from imgadm.files import write_atomically
from imgadm.manifest.values import display

SUFFIXES = {"none": "", "bzip2": ".bz2", "gzip": ".gz", "xz": ".xz", "zstd": ".zst"}
"""What is appended to the name of an image file, by compression."""

COMPRESSIONS = tuple(SUFFIXES)


@dataclass(frozen=True)
class ImageOutput:
    """The two files of a new image, named as they are shown."""

    manifest_path: str
    file_path: str

    @classmethod
    def of(cls, prefix: str, manifest: Mapping[str, Any], compression: str) -> ImageOutput:
        """The files that begin with ``prefix``, of an image with this manifest."""
        kind = "zvol" if manifest.get("type") == "zvol" else "zfs"
        return cls(f"{prefix}.imgmanifest", f"{prefix}.{kind}{SUFFIXES[compression]}")

    @contextmanager
    def reserved(self, *, overwrite: bool = False) -> Iterator[None]:
        """Keep both names for this process, and leave neither behind if the block fails.

        Raises FileSystemError if the directory can't be written, if a file is there that it may
        not ``overwrite``, or if another process is about to write the same files.
        """
        reservation = _reserve(Path(f"{self.manifest_path}.partial"))
        try:
            before = [
                path for path in (self.manifest_path, self.file_path) if os.path.lexists(path)
            ]
            if before and not overwrite:
                raise FileSystemError(
                    f'"{before[0]}" exists: remove it, name other files with -o, or replace it '
                    "with --overwrite",
                    code="EEXIST",
                )
            try:
                yield
            except BaseException:
                if self.file_path not in before and not os.path.lexists(self.manifest_path):
                    Path(self.file_path).unlink(missing_ok=True)
                raise
        finally:
            with contextlib.suppress(OSError):
                Path(f"{self.manifest_path}.partial").unlink()
            os.close(reservation)

    def save_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest; the image is complete when that has been done."""
        text = json.dumps(manifest, indent=2, ensure_ascii=False)
        try:
            write_atomically(Path(self.manifest_path), text.encode("utf-8", "backslashreplace"))
        except FileSystemError as error:
            raise FileSystemError(
                f'error saving manifest to "{self.manifest_path}": {error.message}', cause=error
            ) from error


def output_prefix(template: str | None, fields: Mapping[str, Any]) -> str:
    """Return how the names of the files of an image begin.

    That is NAME-VERSION in the current directory, or in the directory that ``template`` names, or
    else ``template`` itself. ``fields`` are those that were given.
    """
    if template and not Path(template).is_dir():
        return template
    name = f"{_slug(fields.get('name'))}-{_slug(fields.get('version'))}"
    return str(Path(template) / name) if template else name


def _slug(value: Any) -> str:
    text = "undefined" if value is None else display(value)
    text = re.sub(r"[^\w\s._-]", "", text, flags=re.ASCII).strip().lower()
    return re.sub(r"[-\s]+", "-", text)


def _reserve(path: Path) -> int:
    """The open file ``path``, locked; who holds that lock may write the files beside it."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    while True:
        try:
            descriptor = os.open(path, flags, 0o666)
        except OSError as error:
            raise FileSystemError.from_os_error(
                f'cannot write to the directory "{path.parent}"', error
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise FileSystemError(
                f'another process writes "{path.with_suffix("")}": name other files with -o',
                code="EBUSY",
                cause=error,
            ) from error
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        os.close(descriptor)
