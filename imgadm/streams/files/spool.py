"""The file that one pipeline writes while another one reads it, each as fast as it can."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from imgadm._native import read_into, write_all
from imgadm.streams.engine.arguments import check_count, check_path
from imgadm.streams.engine.stage import Context, Inlet, Outlet, Stage, waiting_for_input
from imgadm.streams.errors import StreamError


class SpoolError(StreamError):
    """The pipeline that wrote the spool has failed; its own error says why."""


class Spool:
    """A new file ``path`` that one pipeline writes and others read at the same time.

    :meth:`writer` is the sink of one pipeline, each :meth:`reader` the source of another. A reader
    gets the bytes as they are written. It sees the end only after the writer has seen the end, so
    that it never takes an unverified stream for complete. A reader also waits while the writer has
    not begun. It can't tell that the writer's pipeline has failed: the caller must then call
    :meth:`fail`. ``total`` is the number of bytes that will come, None if it is not known.
    """

    def __init__(self, path: Path, total: int | None = None) -> None:
        check_path("path", path)
        check_count("total", total)
        self.path = path
        self.total = total
        self._written = 0
        self._complete = self._failed = False
        self._changed = threading.Condition()

    def writer(self) -> Stage:
        """Return a sink that makes, writes and at the end syncs the file. It raises OSError."""
        return _Writer(self)

    def reader(self) -> Stage:
        """Return a source that follows the writer.

        The source raises OSError, and SpoolError after :meth:`fail`.
        """
        return _Reader(self)

    def fail(self) -> None:
        """Make the readers fail: no more bytes will come. A complete spool stays complete."""
        with self._changed:
            self._failed = not self._complete
            self._changed.notify_all()

    def advance(self, size: int) -> None:
        """Let the readers read ``size`` more bytes of the file."""
        with self._changed:
            self._written += size
            self._changed.notify_all()

    def complete(self) -> None:
        """Let the readers see the end."""
        with self._changed:
            self._complete, self.total = True, self._written
            self._changed.notify_all()

    def wait_beyond(self, position: int, context: Context) -> int:
        """Wait for bytes beyond ``position`` or for the end; return how many bytes there are.

        Raises SpoolError and Cancelled.
        """
        cancel = context.cancel

        def is_over() -> bool:
            return cancel.cancelled or self._failed or self._complete or self._written > position

        with self._changed:
            if not is_over():
                forget = cancel.on_cancel(self._wake)
                try:
                    with waiting_for_input(context.meter):
                        self._changed.wait_for(is_over)
                finally:
                    forget()
            cancel.check()
            if self._failed:
                raise SpoolError(f"no more than {self._written} bytes have come")
            return self._written

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()


class _Writer(Stage):
    name = "write"
    role = "sink"

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._descriptor = -1

    def open(self, context: Context) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = os.open(self._spool.path, flags, 0o600)

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        for view in inlet.views():
            write_all(self._descriptor, view, context.cancel.fileno(), context.meter)
            self._spool.advance(view.nbytes)
        self._spool.complete()
        os.fsync(self._descriptor)  # while readers go on

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class _Reader(Stage):
    name = "read"
    role = "source"

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._descriptor = -1
        self.total = spool.total

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        position, size = 0, self._spool.wait_beyond(0, context)
        self._descriptor = os.open(self._spool.path, os.O_RDONLY | os.O_CLOEXEC)
        while position < size:
            buffer = outlet.buffer()
            length = read_into(
                self._descriptor,
                buffer.view[: size - position],
                context.cancel.fileno(),
                context.meter,
            )
            if length == 0:
                raise SpoolError(f"the file has been cut to {position} bytes", offset=position)
            position += length
            context.meter.add_in(length)
            outlet.put(buffer.keep(length))
            size = self._spool.wait_beyond(position, context) if position == size else size

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
