"""The lender of buffers to a pipe, whose reader gets them without a copy (Linux: vmsplice)."""

from __future__ import annotations

from collections import deque

from imgadm._native import lend_all, write_all
from imgadm.streams.engine.buffers import Buffer
from imgadm.streams.engine.stage import Context

_LEAST_LENT = 128 * 1024
"""The number of bytes of content below which a buffer is copied.

Lent bytes occupy whole pages of the pipe, however few they are. A pipe full of small pieces could
hold hundreds of large buffers.
"""


class Lender:
    """The writer of a pipe. It lends buffers, and releases each when the reader has read all of it.

    Nothing else may write to the pipe. The reader must copy the bytes: a reader that moves the
    pages on, by splice(2) or tee(2), would pass on later contents of the buffers. Buffers that are
    still lent at the end are freed together with this object, which has to outlive the reader.
    """

    def __init__(self) -> None:
        self._written = 0
        # The lent buffers, each with the offset in the whole stream at which it ends.
        self._lent: deque[tuple[int, Buffer]] = deque()

    def put(self, pipe: int, buffer: Buffer, context: Context) -> None:
        """Write all of ``buffer``, which this then owns. Raises OSError and Cancelled."""
        self._written += len(buffer)
        if len(buffer) < _LEAST_LENT:
            write_all(pipe, buffer.view, context.cancel.fileno(), context.meter)
            buffer.release()
            return
        self._lent.append((self._written, buffer))
        unread = lend_all(pipe, buffer.view, context.cancel.fileno(), context.meter)
        while self._lent and self._lent[0][0] <= self._written - unread:
            self._lent.popleft()[1].release()
