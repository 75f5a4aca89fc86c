"""The lines of the table: one figure each, with the values it was computed from and its goal."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.figures.goals import Goal
from benchmarks.measuring.measure import Comparison


@dataclass(frozen=True)
class Row:
    """``figure`` is what is judged: a ratio, or with the unit MiB the amount itself.

    ``key`` names the line for good, so that runs can be compared; ``higher_is_better`` says which
    way worse is.
    """

    key: str
    what: str
    ours: float
    peer: float | None
    figure: float
    higher_is_better: bool
    unit: str = "s"
    peer_name: str = ""
    spread: tuple[float, float] | None = None
    others: float | None = None
    """The share of the processors that other programs had meanwhile, 0 to 1."""
    goal: Goal | None = None

    @property
    def verdict(self) -> str:
        return self.goal.verdict(self.figure) if self.goal is not None else ""


def ours_over_peer(
    key: str, what: str, peer_name: str, ours_first: Comparison, goal: Goal | None, unit: str = "s"
) -> Row:
    """A line where less is better: how much longer we take."""
    compared = ours_first
    return Row(
        *(key, what, compared.first, compared.second, compared.ratio),
        higher_is_better=False,
        unit=unit,
        peer_name=peer_name,
        spread=compared.spread,
        others=compared.others,
        goal=goal,
    )


def peer_over_ours(
    key: str, what: str, peer_name: str, peer_first: Comparison, goal: Goal | None
) -> Row:
    """A line where more is better: how much longer the other takes."""
    compared = peer_first
    return Row(
        *(key, what, compared.second, compared.first, compared.ratio),
        higher_is_better=True,
        peer_name=peer_name,
        spread=compared.spread,
        others=compared.others,
        goal=goal,
    )
