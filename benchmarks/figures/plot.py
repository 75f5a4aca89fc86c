"""Recorded results as pictures: one bar a ratio, with its spread and what it must reach.

    python -P benchmarks/run.py plot RESULT.json DIRECTORY

Reads what ``scripts/bench --json`` wrote and writes one SVG file a part of the benchmark into
DIRECTORY. Needs matplotlib, which ``scripts/docs`` installs beside the site's other tools.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

GOOD, OK, MISSED, PLAIN = "#2a9d8f", "#8ab17d", "#e76f51", "#9aa0a6"
COLOURS = {"good": GOOD, "ok": OK, "MISSED": MISSED}


def parts_of(rows: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows that are ratios, by the first word of their keys."""
    parts: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["peer"] is not None:
            parts.setdefault(row["key"].partition("/")[0].partition(".")[0], []).append(row)
    return parts


def draw(part: str, rows: Sequence[dict[str, Any]], result: dict[str, Any], target: Path) -> None:
    """Draw the ratios of one part of a result into an SVG file."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = part  # the same result gives the same file
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 0.5 * len(rows) + 1.2), layout="constrained")
    for place, row in enumerate(reversed(rows)):
        lowest, highest = row["spread"] or (row["figure"], row["figure"])
        axes.barh(place, row["figure"], height=0.6, color=COLOURS.get(row["verdict"] or "", PLAIN))
        axes.plot([lowest, highest], [place, place], color="black", linewidth=1)
        if row["must"] is not None:
            axes.plot([row["must"]] * 2, [place - 0.4, place + 0.4], color="black", linestyle=":")
        axes.annotate(f" {row['figure']:.2f}", (highest, place), va="center", fontsize=8)
    axes.set_yticks(range(len(rows)), [row["what"] for row in reversed(rows)], fontsize=8)
    axes.axvline(1, color="grey", linewidth=0.5)
    axes.margins(x=0.12)
    axes.set_xlim(left=0)
    axes.set_xlabel(
        f"ratio; line: smallest to largest; dots: what it must reach ({result['date'][:10]})",
        fontsize=8,
    )
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(target, metadata={"Date": None})
    pyplot.close(figure)


def main(arguments: Sequence[str]) -> int:
    """Draw each part of a result; the arguments are the result and the directory."""
    source, directory = map(Path, arguments)
    result = json.loads(source.read_text())
    directory.mkdir(parents=True, exist_ok=True)
    for part, rows in parts_of(result["rows"]).items():
        target = directory / f"{part}.svg"
        draw(part, rows, result, target)
        print(target)
    return 0
