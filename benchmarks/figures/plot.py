"""Recorded results as pictures: one bar a ratio, with its spread and the bound that it must keep.

    python -P benchmarks/run.py plot DIRECTORY RESULT.json...

Each RESULT has the form that ``scripts/bench --json`` writes; ``benchmarks/recorded`` has those
that the documentation shows. The picture of ``RESULT.json`` is ``DIRECTORY/RESULT.svg``. Needs
matplotlib, which the extra ``docs`` of the package brings.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

COLOURS = {"good": "#2a9d8f", "ok": "#8ab17d", "MISSED": "#e76f51"}
WITHOUT_A_BOUND = "#9aa0a6"


def draw(result: dict[str, Any], target: Path) -> None:
    """Draw the ratios of a result as bars into an SVG file; the same result gives the same file."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = target.stem
    matplotlib.rcParams["svg.fonttype"] = "none"  # text stays text
    from matplotlib import pyplot

    rows = [row for row in result["rows"] if row["peer"] is not None]
    figure, axes = pyplot.subplots(figsize=(9, 0.4 * len(rows) + 1.1), layout="constrained")
    for place, row in enumerate(reversed(rows)):
        lowest, highest = row["spread"] or (row["figure"], row["figure"])
        colour = COLOURS.get(row["verdict"] or "", WITHOUT_A_BOUND)
        axes.barh(place, row["figure"], height=0.6, color=colour)
        axes.plot([lowest, highest], [place, place], color="black", linewidth=1)
        if row["must"] is not None:
            axes.plot([row["must"]] * 2, [place - 0.4, place + 0.4], color="black", linestyle=":")
        axes.annotate(f" {row['figure']:.2f}", (highest, place), va="center", fontsize=8)
    axes.set_yticks(range(len(rows)), [row["what"] for row in reversed(rows)], fontsize=8)
    axes.axvline(1, color="grey", linewidth=0.5)
    axes.margins(x=0.12)
    axes.set_xlim(left=0)
    axes.set_xlabel(
        f"ratio, {result['date'][:10]}; line: smallest to largest; dotted: the bound to keep",
        fontsize=8,
    )
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(target, metadata={"Date": None})
    pyplot.close(figure)


def main(arguments: Sequence[str]) -> int:
    """Draw each result; the arguments are the directory of the pictures, and the results."""
    directory, *sources = map(Path, arguments)
    directory.mkdir(parents=True, exist_ok=True)
    for source in sources:
        target = directory / f"{source.stem}.svg"
        draw(json.loads(source.read_text()), target)
        print(target)
    return 0
