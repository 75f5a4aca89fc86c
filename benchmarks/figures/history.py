"""The figures of past runs, one run a line, and whether the newest got worse.

    python -P benchmarks/run.py history RESULT.json HISTORY.jsonl [--append]

Only figures that do not depend on how fast the machine is are kept: ratios, and memory. Exit
status 1 if one is worse by a fifth than its median over the last runs.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

TOLERANCE = 0.20
"""The share by which a figure must be worse to count as a regression."""

REMEMBERED = 10
"""The number of past runs of which the median is taken."""

ENOUGH = 3
"""A figure with fewer past runs than this is not judged yet."""


@dataclass(frozen=True)
class Regression:
    key: str
    figure: float
    usual: float

    def __str__(self) -> str:
        return f"{self.key}: {self.figure:.2f}, usually {self.usual:.2f}"


def entry_of(result: dict[str, Any]) -> dict[str, Any]:
    """The line of the history that a result becomes."""
    return {
        "date": result["date"],
        "commit": result["commit"],
        "subject_bytes": result["subject_bytes"],
        "figures": {row["key"]: row["figure"] for row in result["rows"]},
    }


def regressions(result: dict[str, Any], past: Sequence[dict[str, Any]]) -> list[Regression]:
    """The figures of ``result`` that are worse by :data:`TOLERANCE` than they used to be."""
    found = []
    for row in result["rows"]:
        key, figure = row["key"], row["figure"]
        before = [line["figures"][key] for line in past if key in line["figures"]][-REMEMBERED:]
        if len(before) < ENOUGH:
            continue
        usual = median(before)
        worse = usual / figure if row["higher_is_better"] else figure / usual
        if worse >= 1 + TOLERANCE:
            found.append(Regression(key, figure, usual))
    return found


def read(path: Path) -> list[dict[str, Any]]:
    """The runs of the history, oldest first; none if there is no file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="history", description="Compare a run with past runs.")
    parser.add_argument("result", type=Path, help="what scripts/bench --json wrote")
    parser.add_argument("history", type=Path, help="one past run a line")
    parser.add_argument("--append", action="store_true", help="add the run, if it is no worse")
    options = parser.parse_args(arguments)
    result = json.loads(options.result.read_text())
    past = [
        line for line in read(options.history) if line["subject_bytes"] == result["subject_bytes"]
    ]
    found = regressions(result, past)
    for regression in found:
        print(f"worse by a fifth or more: {regression}")
    if not found:
        print(f"no figure is worse by a fifth ({len(past)} past runs)")
    if options.append and not found:
        with options.history.open("a") as file:
            file.write(json.dumps(entry_of(result)) + "\n")
    return 1 if found else 0
