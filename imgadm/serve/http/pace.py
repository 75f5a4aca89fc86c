"""How fast a client takes or sends a body, so that one that hardly does keeps nobody out."""

from __future__ import annotations

import time
from collections.abc import Callable

LEAST_BYTES_PER_SECOND = 100
"""What is slower, for as long as a client may be silent, is ended."""
SLOW_BYTES_PER_SECOND = 8 << 10
SLOW_CLIENT_SECONDS = 5.0
"""What has been as slow for as long makes room when there are too many connections, and so does
what has not moved at all: whoever waits moves little at a time."""


class Pace:
    """Counts bytes, and the time that went by waiting for the client: no other time counts.

    A client may be silent for ``patience`` seconds; whoever waits sees to that. Over that time it
    has to move :data:`LEAST_BYTES_PER_SECOND`. ``clock`` counts seconds.
    """

    def __init__(self, patience: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._clock = clock
        self._since: float | None = None
        self._waited = _Window()
        self._recent = _Window()
        self._was_slow = False

    def wait(self, move: Callable[[], int]) -> int:
        """Call ``move``, which waits for the client and returns how many bytes it moved.

        Raises :class:`TimeoutError` if they have been too few for too long.
        """
        began = self._since = self._clock()
        try:
            count = move()
        finally:
            self._since = None
        seconds = self._clock() - began
        for window in (self._waited, self._recent):
            window.seconds += seconds
            window.bytes += count
        if self._recent.seconds >= SLOW_CLIENT_SECONDS:
            self._was_slow = self._recent.is_below(SLOW_BYTES_PER_SECOND)
            self._recent = _Window()
        if self._waited.seconds >= self._patience:
            if self._waited.is_below(LEAST_BYTES_PER_SECOND):
                raise TimeoutError("the client is too slow")
            self._waited = _Window()
        return count

    def is_slow(self) -> bool:
        """Tell whether the client hardly moves. May be asked by any thread."""
        since = self._since
        return self._was_slow or (
            since is not None and self._clock() - since >= SLOW_CLIENT_SECONDS
        )


class _Window:
    def __init__(self, seconds: float = 0.0, count: int = 0) -> None:
        self.seconds = seconds
        self.bytes = count

    def is_below(self, rate: float) -> bool:
        return self.bytes < rate * self.seconds
