"""The rows as a table for people, plain on a terminal and Markdown in a document."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.figures.goals import Goal
from benchmarks.figures.rows import Row

HEADINGS = ("what", "ours", "peer", "", "figure", "rounds", "others", "must", "aim", "verdict")


def as_text(rows: Sequence[Row]) -> str:
    """Columns of equal width."""
    lines = [HEADINGS, *map(_cells, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    padded = (
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )
    return "\n".join(line.rstrip() for line in padded)


def as_markdown(rows: Sequence[Row]) -> str:
    lines = [HEADINGS, ("---",) * len(HEADINGS), *map(_cells, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.what,
        _amount(row.ours, row.unit),
        "" if row.peer is None else _amount(row.peer, row.unit),
        row.peer_name,
        f"{row.figure:.0f} MiB" if row.peer is None else f"{row.figure:.2f}",
        "" if row.spread is None else f"{row.spread[0]:.2f} to {row.spread[1]:.2f}",
        "" if row.others is None else f"{row.others:.0%}",
        _bound(row.goal, row.goal.must) if row.goal is not None else "",
        _bound(row.goal, row.goal.aim) if row.goal is not None else "",
        row.verdict,
    )


def _amount(value: float, unit: str) -> str:
    return f"{value:.2f} {unit}" if unit == "s" else f"{value:.0f} {unit}"


def _bound(goal: Goal, value: float) -> str:
    return f"{'≤' if goal.at_most else '≥'} {value:g}"
