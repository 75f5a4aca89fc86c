"""The share of the processors that other programs had while a shape was timed."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

TOLERATED = 0.05
"""A run during which others took a larger share than this is disturbed."""

_PAUSE = 1.0
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Run:
    """Wall time in seconds, and the share of all processors that others had, 0 to 1."""

    seconds: float
    others: float


def run_in_peace(shape: Callable[[], float], patience: float) -> Run:
    """Run ``shape``, and again while it was disturbed and ``patience`` seconds are not over.

    The least disturbed run is the one that counts.
    """
    limit = time.monotonic() + patience
    best = run_watched(shape)
    while best.others > TOLERATED and time.monotonic() < limit:
        time.sleep(_PAUSE)
        best = min(best, run_watched(shape), key=lambda run: run.others)
    return best


def run_watched(shape: Callable[[], float]) -> Run:
    """Run ``shape`` once. Where there is no /proc, nobody else is seen."""
    busy, own, started = _busy(), _own(), time.perf_counter()
    seconds = shape()
    capacity = (time.perf_counter() - started) * (os.cpu_count() or 1)
    foreign = (_busy() - busy) - (_own() - own)
    return Run(seconds, min(1.0, max(0.0, foreign / capacity)))


def _busy() -> float:
    """Seconds that all processors together have worked, or were kept from it, since the boot."""
    try:
        first = Path("/proc/stat").read_text().partition("\n")[0]
    except OSError:
        return 0.0
    user, nice, system, _idle, _waiting, *rest = map(int, first.split()[1:9])
    return (user + nice + system + sum(rest)) / _TICK


def _own() -> float:
    """Seconds that we and our children have worked, those that still run included."""
    total = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        total += usage.ru_utime + usage.ru_stime
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    if children.exists():
        total += sum(map(_worked, children.read_text().split()))
    return total


def _worked(process: str) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICK
