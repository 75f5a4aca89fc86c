"""The bounded channel between two stages, which hands over references to buffers."""

from __future__ import annotations

import threading
from collections import deque

from imgadm._native import Meter
from imgadm.streams.engine.buffers import Buffer
from imgadm.streams.engine.cancellation import CancelToken

CAPACITY = 4
"""Buffers that may wait in one channel; with their size this bounds the memory of a pipeline."""


class Channel:
    """A queue of at most ``capacity`` buffers, in order, from one writer to one reader.

    The reader sees the end only after :meth:`close`. A writer that fails never calls it, so that
    the reader can't mistake a broken stream for a complete one. ``exhausted`` tells whether the
    reader has seen the end. After :meth:`discard` the reader never sees it.
    """

    def __init__(self, cancel: CancelToken, capacity: int = CAPACITY) -> None:
        self._cancel = cancel
        self._capacity = capacity
        self._queue: deque[Buffer] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self.exhausted = False
        self._discarding = False
        self._stop_listening = cancel.on_cancel(self._wake)

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def put(self, buffer: Buffer, meter: Meter, *, counted: bool = True) -> None:
        """Hand over ``buffer``, after waiting for room in the channel. Raises Cancelled.

        ``meter`` counts the wait and, if ``counted``, the bytes.
        """
        with self._changed:
            if self._is_full():
                meter.begin_output_wait()
                self._changed.wait_for(lambda: self._cancel.cancelled or not self._is_full())
                meter.end_wait()
            self._cancel.check()
            if counted:
                meter.add_out(len(buffer))
            if self._discarding:
                buffer.release()
                return
            self._queue.append(buffer)
            self._changed.notify_all()

    def _is_full(self) -> bool:
        return len(self._queue) >= self._capacity and not self._discarding

    def get(self, meter: Meter) -> Buffer | None:
        """Return the next buffer, now the caller's; None at the end. Raises Cancelled."""
        with self._changed:
            if not self._queue and not self._closed:
                meter.begin_input_wait()
                self._changed.wait_for(
                    lambda: self._cancel.cancelled or self._closed or bool(self._queue)
                )
                meter.end_wait()
            self._cancel.check()
            if not self._queue:
                self.exhausted = True
                return None
            buffer = self._queue.popleft()
            self._changed.notify_all()
        meter.add_in(len(buffer))
        return buffer

    def close(self) -> None:
        """Mark the end: the writer has put everything. Does nothing after :meth:`discard`."""
        with self._changed:
            self._closed = not self._discarding
            self._changed.notify_all()

    def discard(self) -> None:
        """Release the buffers in the channel and all later ones.

        A reader that still works waits until the pipeline ends, because it would miss bytes.
        """
        with self._changed:
            self._discarding = True
            self._closed = False
            while self._queue:
                self._queue.popleft().release()
            self._changed.notify_all()

    def stop_listening(self) -> None:
        """Remove the callback of this channel from the pipeline's token."""
        self._stop_listening()
