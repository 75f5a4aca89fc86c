"""Timing in rounds, so that what disturbs the machine disturbs all shapes alike.

In every round each shape runs once, and a ratio is taken between runs of the same round; the
result is the median of the ratios. A slow minute then spoils a round, not the comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

from benchmarks.measuring.disturbance import run_in_peace

Timed = Callable[[], float]


@dataclass(frozen=True)
class Comparison:
    """Medians of two shapes in seconds, and the median of the ratios ``first / second``."""

    first: float
    second: float
    ratio: float
    spread: tuple[float, float]
    """The smallest and the largest ratio of a round."""
    others: float
    """The median share of the processors that other programs had meanwhile."""


@dataclass(frozen=True)
class Rounds:
    """Seconds of every shape in every round; the share of the processors that others had."""

    seconds: dict[str, list[float]]
    others: dict[str, list[float]]

    def median(self, shape: str) -> float:
        return median(self.seconds[shape])

    def slowest(self, shapes: list[str]) -> str:
        return max(shapes, key=self.median)

    def fastest(self, shapes: list[str]) -> str:
        return min(shapes, key=self.median)

    def compare(self, first: str, second: str) -> Comparison:
        pairs = zip(self.seconds[first], self.seconds[second], strict=True)
        ratios = [one / other for one, other in pairs]
        return Comparison(
            self.median(first),
            self.median(second),
            median(ratios),
            (min(ratios), max(ratios)),
            median(self.others[first] + self.others[second]),
        )


@dataclass(frozen=True)
class Plan:
    """``rounds`` to run; for each run of a shape ``patience`` seconds to get it undisturbed."""

    rounds: int
    patience: float


def run_rounds(
    shapes: Mapping[str, Timed], plan: Plan, say: Callable[[str], None] = lambda _: None
) -> Rounds:
    """Run every shape in every round, each round beginning with another one."""
    names, count = list(shapes), plan.rounds
    seconds: dict[str, list[float]] = {name: [] for name in names}
    others: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(count):
        start = turn * len(names) // count
        for name in names[start:] + names[:start]:
            run = run_in_peace(shapes[name], plan.patience)
            seconds[name].append(run.seconds)
            others[name].append(run.others)
        shown = ", ".join(
            f"{name} {seconds[name][-1]:.2f} ({others[name][-1]:.0%})" for name in names
        )
        say(f"  round {turn + 1}, in brackets what others took: {shown}")
    return Rounds(seconds, others)


def warm_up(
    shapes: Mapping[str, Timed], rivals: set[str], *, hopeless: float = 1.5
) -> dict[str, Timed]:
    """Run every shape once, unmeasured, and leave out ``rivals`` that can't be the best.

    Caches are warm after it. A rival that takes ``hopeless`` times as long as the best is dropped.
    """
    seconds = {name: shape() for name, shape in shapes.items()}
    best = min((seconds[name] for name in rivals), default=0.0)
    return {
        name: shape
        for name, shape in shapes.items()
        if name not in rivals or seconds[name] <= best * hopeless
    }
