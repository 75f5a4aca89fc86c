"""How long the command takes to start, next to the interpreter doing nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

from benchmarks.figures import goals
from benchmarks.figures.rows import Row, ours_over_peer
from benchmarks.measuring.measure import Plan, run_rounds, warm_up
from benchmarks.measuring.programs import imgadm_command, seconds_of

_PLAN = Plan(rounds=40, patience=0)


def measure(say: Callable[[str], None]) -> Iterator[Row]:
    say("start-up")
    timed = warm_up(
        {
            "imgadm --version": lambda: seconds_of([*imgadm_command(), "--version"]) * 1000,
            "python3 -c pass": lambda: seconds_of([sys.executable, "-c", "pass"]) * 1000,
        },
        rivals=set(),
    )
    compared = run_rounds(timed, _PLAN).compare("imgadm --version", "python3 -c pass")
    yield ours_over_peer(
        *("startup", "imgadm --version", "python3 -c pass", compared, goals.STARTUP), unit="ms"
    )
