"""The policy for repeating failed requests, as an immutable value."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import mktime_tz, parsedate_tz

BUSY = frozenset({408, 429, 500, 502, 503, 504})
"""HTTP statuses of servers that may be able to answer later."""

_MOST_SECONDS = 999_999_999.0
_MOST_DIGITS = 9


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The further attempts for a failed request, and the waits before them.

    ``delays`` has the wait before each further attempt, in seconds. A server may ask for a longer
    wait, up to ``longest_wait`` seconds. If it asks for more, there is no further attempt. No
    attempt begins later than ``seconds`` after the first one, not counting the waits that servers
    asked for; None sets no such limit.

    :meth:`after_failure` returns a new value for the rest of the attempts. In that value
    ``failures`` is the number of attempts that failed, ``pause`` the seconds to wait before the
    next one, and ``granted`` the seconds that servers have asked for so far.
    """

    delays: tuple[float, ...] = (1.0, 2.0, 4.0)
    longest_wait: float = 60.0
    seconds: float | None = None
    failures: int = 0
    pause: float = 0.0
    granted: float = 0.0

    def after_failure(self, *, asked: float = 0.0, elapsed: float = 0.0) -> RetryPolicy | None:
        """Return the policy for the rest after one more failure; None to give up.

        ``asked`` is how long the server asks us to wait, and ``elapsed`` how long ago the first
        attempt began, both in seconds.
        """
        if self.failures >= len(self.delays) or asked > self.longest_wait:
            return None
        if self.seconds is not None and elapsed - self.granted > self.seconds:
            return None
        return replace(
            self,
            failures=self.failures + 1,
            pause=max(self.delays[self.failures], asked),
            granted=self.granted + asked,
        )


def retry_after(headers: Mapping[str, str]) -> float:
    """Return how many seconds a server asks us to wait (RFC 9110, section 10.2.3), else 0.

    A date counts from the server's own clock. A value that is neither a number of seconds nor a
    date, or a date in the past, asks for nothing.
    """
    given = headers.get("retry-after", "").strip()
    if given.isascii() and given.isdigit():
        return min(float(given), _MOST_SECONDS) if len(given) <= _MOST_DIGITS else _MOST_SECONDS
    until = _moment(given)
    if until is None:
        return 0.0
    now = _moment(headers.get("date", ""))
    return min(max(until - (time.time() if now is None else now), 0.0), _MOST_SECONDS)


def _moment(date: str) -> float | None:
    """Return the seconds since 1970 of an HTTP date, which is always in UTC."""
    try:
        parsed = parsedate_tz(date) if "," in date or ":" in date else None
        return None if parsed is None else float(mktime_tz((*parsed[:9], parsed[9] or 0)))
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
