"""Buffers that a pipe shows to its reader without having a copy of them (Linux: vmsplice)."""

from __future__ import annotations

from collections import deque

from imgadm._native import lend_all, write_all
from imgadm.streams.engine.buffers import Buffer
from imgadm.streams.engine.stage import Context

#: Bytes of content below which a buffer is copied. However little of a page is lent, it takes the
#: place of a whole one in the pipe; so many small pieces could hold hundreds of large buffers.
_LEAST_LENT = 128 * 1024


class Lender:
    """Puts buffers into a pipe, and releases each when all of it has been read from there.

    Nobody else may write to the pipe. The reader must copy what it reads: one that moves the pages
    on, by splice(2) or tee(2), would show them when there is something else in them. Those that
    are still lent at the end are freed together with this object, so it has to outlive the reader.
    """

    def __init__(self) -> None:
        self._written = 0
        #: With the number of bytes that have been read once all of the buffer has.
        self._lent: deque[tuple[int, Buffer]] = deque()

    def put(self, pipe: int, buffer: Buffer, context: Context) -> None:
        """All of ``buffer``, which is no longer the caller's. Raises OSError and Cancelled."""
        self._written += len(buffer)
        if len(buffer) < _LEAST_LENT:
            write_all(pipe, buffer.view, context.cancel.fileno(), context.meter)
            buffer.release()
            return
        self._lent.append((self._written, buffer))
        unread = lend_all(pipe, buffer.view, context.cancel.fileno(), context.meter)
        while self._lent and self._lent[0][0] <= self._written - unread:
            self._lent.popleft()[1].release()
