"""The pace of a client: how fast it takes or sends a body, and whether that is too slow."""

from __future__ import annotations

import time
from collections.abc import Callable

_LEAST_BYTES_PER_SECOND = 100
"""The server ends a connection that is slower than this over the time of ``patience``."""
_SLOW_BYTES_PER_SECOND = 8 << 10
"""A client is slow, and makes room for others, if it was slower than this for the time below.

A client that has not moved for that time is slow too.
"""
SLOW_CLIENT_SECONDS = 5.0
"""The time after which a client counts as slow."""


class Pace:
    """A count of bytes, and of the time spent waiting for the client; no other time counts.

    Over ``patience`` seconds the client has to move :data:`_LEAST_BYTES_PER_SECOND`. The caller
    sets the socket so that the client cannot be silent for longer. ``clock`` returns seconds.
    """

    def __init__(self, patience: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._clock = clock
        self._since: float | None = None
        self._waited = _Window()
        self._recent = _Window()
        self._was_slow = False

    def wait(self, move: Callable[[], int]) -> int:
        """Call ``move``, which waits for the client, and return the number of bytes it returns.

        Raises :class:`TimeoutError` if the client has moved too few bytes for too long.
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
            self._was_slow = self._recent.is_below(_SLOW_BYTES_PER_SECOND)
            self._recent = _Window()
        if self._waited.seconds >= self._patience:
            if self._waited.is_below(_LEAST_BYTES_PER_SECOND):
                raise TimeoutError("the client is too slow")
            self._waited = _Window()
        return count

    def is_slow(self) -> bool:
        """Tell whether the client is slow. Any thread may call this."""
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
