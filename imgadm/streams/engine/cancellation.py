"""The token that wakes every wait of a pipeline."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable

from imgadm._native import Cancelled


class CancelToken:
    """The signal that a pipeline is ending, as a flag, a descriptor and callbacks.

    The descriptor becomes readable at :meth:`cancel` and stays readable. Native waits poll it next
    to the descriptor that they wait for. Callbacks wake the waits that can't poll.
    """

    def __init__(self) -> None:
        self._read_end, self._write_end = os.pipe()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []
        self._cancelled = False

    @property
    def cancelled(self) -> bool:
        """Whether the pipeline is ending."""
        return self._cancelled

    def fileno(self) -> int:
        """Return the descriptor that becomes readable."""
        return self._read_end

    def cancel(self) -> None:
        """Wake every wait. A second call does nothing."""
        with self._lock:
            if self._cancelled:
                return
            self._cancelled = True
            callbacks, self._callbacks = self._callbacks, []
            os.write(self._write_end, b"\0")
        for callback in callbacks:
            callback()

    def on_cancel(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call ``callback`` at :meth:`cancel`, or at once if that has been called.

        Returns the function that removes the callback.
        """
        with self._lock:
            if not self._cancelled:
                self._callbacks.append(callback)
                return lambda: self._remove(callback)
        callback()
        return lambda: None

    def _remove(self, callback: Callable[[], None]) -> None:
        with self._lock:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

    def check(self) -> None:
        """Raise Cancelled if the pipeline is ending."""
        if self._cancelled:
            raise Cancelled

    def wait(self, seconds: float) -> None:
        """Sleep for ``seconds``, but raise Cancelled as soon as the pipeline is ending."""
        self.check()
        poll = select.poll()
        poll.register(self._read_end, select.POLLIN)
        poll.poll(seconds * 1000)
        self.check()

    def close(self) -> None:
        """Close the descriptors. Nothing may be waiting for them."""
        os.close(self._read_end)
        os.close(self._write_end)
