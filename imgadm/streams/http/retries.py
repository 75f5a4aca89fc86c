"""When a request that failed is made again: one policy for all of them, as a value."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import mktime_tz, parsedate_tz

BUSY = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses of a server that may do better in a while."""

_MOST_SECONDS = 999_999_999.0
_MOST_DIGITS = 9


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to wait before each further attempt, in seconds; ``delays`` has one entry each.

    A server may ask for up to ``longest_wait``; one that asks for more has failed. No attempt
    begins later than ``seconds`` after the first one, the waits that servers asked for left out.
    """

    delays: tuple[float, ...] = (1.0, 2.0, 4.0)
    longest_wait: float = 60.0
    seconds: float | None = None

    def wait(self, failures: int, *, asked: float = 0.0, elapsed: float = 0.0) -> float | None:
        """Return how long to wait after ``failures`` attempts that failed, None to give up.

        ``asked`` is how long the server asks us to wait; ``elapsed`` how long it has taken so far.
        """
        if failures > len(self.delays) or asked > self.longest_wait:
            return None
        if self.seconds is not None and elapsed > self.seconds:
            return None
        return max(self.delays[failures - 1], asked)


def retry_after(headers: Mapping[str, str]) -> float:
    """Return how many seconds a server asks us to wait (RFC 9110, section 10.2.3), else 0.

    A date counts from the server's own clock. What is no number of seconds and no date, or lies in
    the past, asks for nothing.
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
