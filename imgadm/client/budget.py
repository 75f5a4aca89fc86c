"""What the answers to one question may take at most: bytes, JSON values, seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

MAX_LIST_BYTES = 64 << 20
MAX_LIST_VALUES = 3_000_000
"""Values in a list: ten thousand images have some three hundred thousand of them."""

MAX_ERROR_BYTES = 1 << 20
"""What is read of an answer that only says what went wrong."""

REPLY_SECONDS = 300.0


@dataclass(slots=True)
class Budget:
    """What is left for the answers to one question, such as all pages of a list.

    ``size`` is in bytes, as they come and once their coding is undone; ``values`` are those that
    JSON spells. Nothing is read after ``ends``, a time of the client's clock.
    """

    size: int
    values: int
    ends: float
    spent: tuple[int, int] = (0, 0)
    """Size and values of all that was taken off."""

    @classmethod
    def of_list(cls, clock: Callable[[], float], seconds: float = REPLY_SECONDS) -> Budget:
        """Return that of a list of images, which begins now."""
        return cls(MAX_LIST_BYTES, MAX_LIST_VALUES, clock() + seconds)

    def spend(self, body: bytes) -> None:
        """Take off what ``body``, which is JSON, has needed."""
        size, values = len(body), count_of_values(body)
        self.size -= size
        self.values -= values
        self.spent = (self.spent[0] + size, self.spent[1] + values)

    def let_it_come_again(self) -> None:
        """Let there be no less left than was spent."""
        self.size = max(self.size, self.spent[0])
        self.values = max(self.values, self.spent[1])


def count_of_values(data: bytes | str) -> int:
    """Return how many values JSON text has at most, told without reading it."""
    if isinstance(data, bytes):
        return data.count(b",") + data.count(b"{") + data.count(b"[") + 1
    return data.count(",") + data.count("{") + data.count("[") + 1
