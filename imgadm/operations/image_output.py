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
from imgadm.files import sync_directory
from imgadm.manifest.values import display

SUFFIXES = {"none": "", "bzip2": ".bz2", "gzip": ".gz", "xz": ".xz", "zstd": ".zst"}
"""What is appended to the name of an image file, by compression."""


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
    def reserved(self, *, overwrite: bool = False) -> Iterator[ReservedOutput]:
        """Keep both names for this process, and leave nothing behind if the block fails.

        Raises FileSystemError if the directory can't be written, if a file is there that it may
        not ``overwrite``, or if another process is about to write the same files.
        """
        partial = Path(f"{self.manifest_path}.partial")
        descriptor = _reserve(partial)
        reservation = ReservedOutput(self, descriptor)
        try:
            before = [path for path in (self.manifest_path, self.file_path) if _exists(path)]
            if before and not overwrite:
                raise FileSystemError(
                    f'"{before[0]}" exists: remove it, name other files with -o, or replace it '
                    "with --overwrite",
                    code="EEXIST",
                )
            reservation.new = not before
            yield reservation
        finally:
            if not reservation.complete:
                if reservation.new:
                    Path(self.file_path).unlink(missing_ok=True)
                partial.unlink(missing_ok=True)
            os.close(descriptor)

    def remove_leftovers(self, *, new: bool) -> None:
        """Remove what a process left that died while it had the two files reserved.

        They were ``new`` if neither had been there before. Nothing is done if another process is
        about to write them now. Raises FileSystemError.
        """
        partial = Path(f"{self.manifest_path}.partial")
        if not partial.exists():
            return
        doomed = [Path(f"{self.file_path}.partial"), partial]
        if new:
            doomed.append(Path(self.file_path))
        with contextlib.suppress(_BusyError), _closing(_reserve(partial)):
            for path in doomed:
                path.unlink(missing_ok=True)

    def absolute(self) -> ImageOutput:
        """The same files, whatever the current directory."""
        manifest, file = Path(self.manifest_path).absolute(), Path(self.file_path).absolute()
        return ImageOutput(str(manifest), str(file))


class ReservedOutput:
    """The two files while this process has the right to write them.

    They are ``new`` if neither was there before, and ``complete`` once they have their names.
    """

    def __init__(self, output: ImageOutput, manifest: int) -> None:
        self.output = output
        self.new = False
        self.complete = False
        self._manifest = manifest

    def save_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest; the image is complete when that has been done."""
        path = Path(self.output.manifest_path)
        text = json.dumps(manifest, indent=2, ensure_ascii=False)
        try:
            os.ftruncate(self._manifest, 0)
            _write(self._manifest, text.encode("utf-8", "backslashreplace"))
            os.fsync(self._manifest)
            Path(f"{path}.partial").replace(path)
            self.complete = True
            sync_directory(path.parent)
        except OSError as error:
            raise FileSystemError.from_os_error(
                f'error saving manifest to "{path}"', error
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


class _BusyError(FileSystemError):
    """Another process is about to write the same files."""


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
            raise _BusyError(
                f'another process writes "{path.with_suffix("")}": name other files with -o',
                code="EBUSY",
                cause=error,
            ) from error
        # Whoever had it before may have removed it, or given it its final name.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        os.close(descriptor)


@contextmanager
def _closing(descriptor: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(descriptor)


def _exists(path: str) -> bool:
    return os.path.lexists(path)


def _write(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
