"""Tests of the history: which figures count as worse than those of past runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.figures import history


def result(figure: float, *, higher_is_better: bool = False) -> dict[str, Any]:
    row = {"key": "wall", "figure": figure, "higher_is_better": higher_is_better}
    return {"date": "2026-01-01", "commit": "c0ffee", "subject_bytes": 1, "rows": [row]}


def past(*figures: float) -> list[dict[str, Any]]:
    return [history.entry_of(result(figure)) for figure in figures]


@pytest.mark.parametrize(
    ("figures", "now", "higher_is_better", "worse"),
    [
        ([1.0, 1.0, 1.0], 1.19, False, False),
        ([1.0, 1.0, 1.0], 1.20, False, True),
        ([1.0, 1.0, 1.0], 0.10, False, False),
        ([3.0, 3.0, 3.0], 2.51, True, False),
        ([3.0, 3.0, 3.0], 2.50, True, True),
        ([1.0, 9.0, 1.0], 1.30, False, True),
        ([9.0] * 9 + [1.0] * 10, 1.30, False, True),
        ([1.0, 1.0], 9.0, False, False),
    ],
    ids=[
        "a fifth less a little",
        "a fifth",
        "better",
        "ratio of a peer, a fifth less a little",
        "ratio of a peer, a fifth",
        "one slow run does not move the median",
        "old runs are forgotten",
        "too few runs to judge",
    ],
)
def test_regressions(figures: list[float], now: float, higher_is_better: bool, worse: bool) -> None:
    found = history.regressions(result(now, higher_is_better=higher_is_better), past(*figures))
    assert bool(found) is worse


def test_a_run_that_is_no_worse_joins_the_history(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    latest, runs = tmp_path / "result.json", tmp_path / "history.jsonl"
    arguments = [str(latest), str(runs), "--append"]
    for figure, status, known in ((1.0, 0, 1), (1.1, 0, 2), (1.0, 0, 3), (1.4, 1, 3)):
        latest.write_text(json.dumps(result(figure)))
        assert history.main(arguments) == status
        assert len(history.read(runs)) == known
    assert "worse by a fifth or more: wall: 1.40, usually 1.00" in capsys.readouterr().out
