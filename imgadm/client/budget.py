"""Limits for the answers to one question: bytes, JSON values, seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

MAX_LIST_BYTES = 64 << 20
"""The most bytes of a list of images, all its pages together."""

MAX_LIST_VALUES = 3_000_000
"""The most JSON values in a list of images; ten thousand images have about 300,000."""

MAX_ERROR_BYTES = 1 << 20
"""The most bytes that are read of an answer that reports an error."""

REPLY_SECONDS = 300.0
"""The most seconds for a whole reply, or for all pages of a list."""


@dataclass(slots=True)
class Budget:
    """The rest of the limits for the answers to one question, such as all pages of a list.

    ``size`` is in bytes, and holds for the bytes that come and for the decoded ones. ``values`` is
    a number of JSON values. Nothing is read after ``ends``, a time of the client's clock.
    """

    size: int
    values: int
    ends: float
    spent: tuple[int, int] = (0, 0)
    """The size and the values that have been used."""

    @classmethod
    def of_list(cls, clock: Callable[[], float], seconds: float = REPLY_SECONDS) -> Budget:
        """Return the budget for a list of images, beginning now."""
        return cls(MAX_LIST_BYTES, MAX_LIST_VALUES, clock() + seconds)

    def spend(self, body: bytes) -> None:
        """Subtract the size and the values of ``body``, which is JSON."""
        size, values = len(body), count_of_values(body)
        self.size -= size
        self.values -= values
        self.spent = (self.spent[0] + size, self.spent[1] + values)

    def allow_again(self) -> None:
        """Raise the rest to at least the spent amounts, so that the same answers can come again."""
        self.size = max(self.size, self.spent[0])
        self.values = max(self.values, self.spent[1])


def count_of_values(data: bytes | str) -> int:
    """Return how many values JSON text has at most, without parsing it."""
    if isinstance(data, bytes):
        return data.count(b",") + data.count(b"{") + data.count(b"[") + 1
    return data.count(",") + data.count("{") + data.count("[") + 1
