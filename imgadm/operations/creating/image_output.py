"""The two files of a new image, which appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgadm.base.compressions import COMPRESSION_FORMATS
from imgadm.base.errors import FileSystemError, UsageError
from imgadm.base.files.creation import NewFile, cut_name, remove_dead_partials
from imgadm.base.files.opening import is_same_file, open_directory, open_regular
from imgadm.base.files.replacement import write_fully
from imgadm.base.text import excerpt


@dataclass(frozen=True)
class ImageOutput:
    """The names of the two files of a new image, as messages show them."""

    manifest_path: str
    file_path: str

    @classmethod
    def of(cls, prefix: str, manifest: Mapping[str, Any], compression: str) -> ImageOutput:
        """Return the files whose names begin with ``prefix``, for an image with ``manifest``."""
        kind = "zvol" if manifest.get("type") == "zvol" else "zfs"
        suffix = COMPRESSION_FORMATS[compression].suffix
        return cls(f"{prefix}.imgmanifest", f"{prefix}.{kind}{suffix}")

    @contextmanager
    def reserved(self, *, overwrite: bool = False) -> Iterator[ReservedOutput]:
        """Keep both names for this process; leave nothing behind if the block fails.

        Raises FileSystemError if the directory can't be written, if one of the files exists and
        ``overwrite`` is false, and if another process is about to write the same files.
        """
        with _reservation(self._reservation):
            before = [path for path in (self.manifest_path, self.file_path) if _exists(path)]
            if before and not overwrite:
                raise FileSystemError(
                    f'"{before[0]}" exists: remove it, name other files with -o, or replace it '
                    "with --overwrite",
                    code="EEXIST",
                )
            files = ReservedOutput(self, new=not before)
            try:
                yield files
            finally:
                if files.new and files.has_file and not files.complete:
                    Path(self.file_path).unlink(missing_ok=True)

    def remove_leftovers(self, *, new: bool) -> None:
        """Remove the files of a process that died while it had the two names reserved.

        ``new`` says that neither file existed before that process. An image that has its manifest
        is whole and stays. Files that another process writes by now stay, too. Raises
        FileSystemError.
        """
        for path in (self.manifest_path, self.file_path):
            remove_dead_partials(path)
        if not _exists(self._reservation):
            return
        with contextlib.suppress(_BusyError), _reservation(self._reservation):
            if new and not _exists(self.manifest_path):
                Path(self.file_path).unlink(missing_ok=True)

    @property
    def _reservation(self) -> str:
        """The path of an empty lock file. The holder of its lock may write the two files."""
        above, name = os.path.split(self.manifest_path)
        return os.path.join(above, f".{cut_name(name, len('..lock'))}.lock")  # noqa: PTH118  as the names are given

    def absolute(self) -> ImageOutput:
        """Return the same files by absolute paths."""
        manifest, file = Path(self.manifest_path).absolute(), Path(self.file_path).absolute()
        return ImageOutput(str(manifest), str(file))


class ReservedOutput:
    """The two files while only this process may write them.

    ``new`` says that neither was there before. ``has_file`` becomes true when the image file has
    its final name, ``complete`` when the manifest has its final name, too.
    """

    def __init__(self, output: ImageOutput, *, new: bool) -> None:
        self.output = output
        self.new = new
        self.has_file = False
        self.complete = False

    def save_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest, which makes the image complete. Raises FileSystemError."""
        path = self.output.manifest_path
        text = json.dumps(manifest, indent=2, ensure_ascii=False)
        try:
            with NewFile(path) as file:
                write_fully(file.descriptor, text.encode("utf-8", "backslashreplace"))
                os.fsync(file.descriptor)
                file.commit(replace=not self.new)
                self.complete = True
                file.sync_directory()
        except OSError as error:
            raise FileSystemError.from_os_error(
                f'error saving manifest to "{path}"', error
            ) from error


def output_prefix(template: str | None, fields: Mapping[str, Any]) -> str:
    """Return the prefix that the names of the files of an image have in common.

    The prefix is NAME-VERSION, made of ``fields``, in the directory ``template`` or, without a
    template, in the current one. A ``template`` that is no directory is the prefix itself. Raises
    UsageError for a ``template`` that names a device, or a place that can't have files.
    """
    if template and _is_no_place_for_files(template):
        raise UsageError(
            f'"{template}" is no place for two files: -o takes a directory, or a prefix for the '
            "names of the files"
        )
    if template and not os.path.isdir(template):  # noqa: PTH112  False for a name too long
        return template
    name = f"{_slug(fields.get('name'))}-{_slug(fields.get('version'))}"
    return str(Path(template) / name) if template else name


def _slug(value: Any) -> str:
    text = "undefined" if value is None else excerpt(value)
    text = re.sub(r"[^\w\s._-]", "", text, flags=re.ASCII).strip().lower()
    return re.sub(r"[-\s]+", "-", text)


def _is_no_place_for_files(template: str) -> bool:
    directory = Path(template).parent
    try:
        mode = Path(template).stat().st_mode
        if stat.S_ISDIR(mode):
            directory = Path(template)
        elif not stat.S_ISREG(mode):
            return True
    except OSError:  # usually nothing is there; any other fault shows when the file is made
        pass
    first, second, *_ = *Path(os.path.realpath(directory)).parts[1:3], "", ""
    return first == "proc" or (first == "dev" and second != "shm")


class _BusyError(FileSystemError):
    """Another process is about to write the same files."""


@contextmanager
def _reservation(path: str) -> Iterator[None]:
    """Hold the lock on the file ``path``, which is removed in the end."""
    above, name = os.path.split(path)
    try:
        directory = open_directory(above or ".")
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        descriptor = _locked(path, name, directory)
        try:
            yield
        finally:
            if is_same_file(os.fstat(descriptor), name, directory):
                os.unlink(name, dir_fd=directory)
            os.close(descriptor)
    finally:
        os.close(directory)


def _locked(path: str, name: str, directory: int) -> int:
    while True:
        made = False
        try:
            try:
                descriptor = open_regular(name, os.O_RDWR, dir_fd=directory)
            except FileNotFoundError:
                made = True
                flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                descriptor = os.open(name, flags, 0o600, dir_fd=directory)
        except FileExistsError:
            continue
        except OSError as error:
            raise _unwritable(path, error) from error
        try:
            status = os.fstat(descriptor)
            if not made and (status.st_uid != os.geteuid() or status.st_size > 0):
                raise FileSystemError(
                    f'"{path}" exists and is not a file that imgadm made as this user: remove '
                    "it, or name other files with -o",
                    code="EEXIST",
                )
            _lock(descriptor, path)
        except BaseException:
            os.close(descriptor)
            raise
        # The process that had the lock before may have removed the file.
        if is_same_file(status, name, directory):
            return descriptor
        os.close(descriptor)


def _lock(descriptor: int, path: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EAGAIN, errno.EACCES):
            raise FileSystemError.from_os_error(f'cannot lock "{path}"', error) from error
        manifest = Path(path).name.removeprefix(".").removesuffix(".lock")
        raise _BusyError(
            f'another process writes "{manifest}": name other files with -o',
            code="EBUSY",
            cause=error,
        ) from error


def _unwritable(path: str, error: OSError) -> FileSystemError:
    action = f'cannot write to the directory "{Path(path).parent}"'
    return FileSystemError.from_os_error(action, error)


def _exists(path: str) -> bool:
    return os.path.lexists(path)
