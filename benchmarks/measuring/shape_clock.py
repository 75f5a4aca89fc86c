"""A clock for pytest-benchmark that stands still while shapes prepare and clear away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class ShapeClock:
    """Goes on by what shapes say they took, in seconds."""

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        return self._now

    def timing(self, shape: Callable[..., float]) -> Callable[..., None]:
        """The shape as a function to be benchmarked."""

        def run(*args: Any) -> None:
            self._now += shape(*args)

        return run


CLOCK = ShapeClock()
