"""Files as the first and the last stage."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from imgadm._native import WriteBehind, move_bytes, read_into, write_all
from imgadm.base.files.creation import NewFile
from imgadm.streams.engine.arguments import check_path
from imgadm.streams.engine.stage import Context, Inlet, Outlet, Stage

WRITE_BEHIND_STEP = 8 * 1024 * 1024
"""The number of bytes after which a durable file is written to the disk.

The kernel then drops the bytes from its cache.
"""


class _ReadFile(Stage):
    """The stage that :func:`read_file` makes."""

    name = "read"
    role = "source"
    moves_descriptors = True

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(os.fsdecode(path))
        self._descriptor = -1

    def open(self, context: Context) -> None:
        self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        status = os.fstat(self._descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(f'"{self._path}" is a directory, not an image file')
        if stat.S_ISREG(status.st_mode):
            self.total = status.st_size
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        elif not stat.S_ISBLK(status.st_mode):
            # Otherwise nothing could wake a read from a silent pipe.
            os.set_blocking(self._descriptor, False)

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        while True:
            buffer = outlet.buffer()
            size = read_into(self._descriptor, buffer.view, context.cancel.fileno(), context.meter)
            if size == 0:
                buffer.release()
                return
            context.meter.add_in(size)
            outlet.put(buffer.keep(size))

    def run_descriptors(self, context: Context, source: int, sink: int) -> None:
        move_bytes(
            self._descriptor,
            sink,
            context.cancel.fileno(),
            context.meter,
        )

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class WriteFile(Stage):
    """The stage that :func:`write_file` makes. It is ``complete`` once the file has its name."""

    name = "write"
    role = "sink"
    moves_descriptors = True

    def __init__(
        self, path: str | os.PathLike[str], *, durable: bool, replace: bool, private: bool
    ) -> None:
        self._path = path
        self._durable = durable
        self._replace = replace
        self._private = private
        self._file: NewFile | None = None
        self._descriptor = -1
        self.complete = False

    def open(self, context: Context) -> None:
        mode = 0o600 if self._private else 0o666
        self._file = NewFile(self._path, mode=mode, exact=self._private)
        self._descriptor = self._file.descriptor
        self._behind = WriteBehind(self._descriptor, WRITE_BEHIND_STEP if self._durable else 0)
        self._written = 0

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        for view in inlet.views():
            write_all(self._descriptor, view, context.cancel.fileno(), context.meter)
            self._wrote(view.nbytes)
        self._sync(context)

    def run_descriptors(self, context: Context, source: int, sink: int) -> None:
        while moved := move_bytes(
            *(source, self._descriptor, context.cancel.fileno(), context.meter),
            limit=WRITE_BEHIND_STEP,
        ):
            self._wrote(moved)
        self._sync(context)

    def _wrote(self, size: int) -> None:
        self._behind.wrote(self._written, size)
        self._written += size

    def _sync(self, context: Context) -> None:
        context.cancel.check()
        if self._durable:
            os.fsync(self._descriptor)

    def commit(self) -> None:
        assert self._file is not None
        self._file.commit(replace=self._replace)
        self.complete = True

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def read_file(path: str | os.PathLike[str]) -> Stage:
    """Return a source that reads the file, named pipe or device ``path``. It raises OSError."""
    check_path("path", path)
    return _ReadFile(path)


def write_file(
    path: str | os.PathLike[str],
    *,
    durable: bool = True,
    replace: bool = True,
    private: bool = False,
) -> WriteFile:
    """Return a sink that writes the file ``path``, which appears when all stages have succeeded.

    Until then the bytes are in a new file, ``PATH.XXXXXXXX.partial`` (eight random digits), which a
    failure removes. A killed process leaves it behind, and the next run that writes ``path``
    removes it. No other file is touched.

    ``durable`` syncs the file before it gets its name. ``replace`` allows a regular file at
    ``path``. A directory, device, named pipe, socket or symbolic link there is refused before the
    first byte has moved, and stays as it is. A ``private`` file is readable and writable by its
    owner alone, whatever the umask. The stage raises OSError.
    """
    check_path("path", path)
    return WriteFile(path, durable=durable, replace=replace, private=private)
