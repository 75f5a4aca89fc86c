"""The report of a pipeline: plain data, readable while it runs."""

from __future__ import annotations

import contextlib
import resource
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imgadm._native import Meter


@dataclass
class StageReport:
    """The figures of one stage: numbers of bytes, and times in seconds.

    The waits are those for the stages before and after. The time that the first stage waits for a
    network, or the last one for a program, is their own work, and counts as busy. ``total`` is the
    number of bytes that will come out, None if the stage does not know it.
    """

    name: str
    bytes_in: int
    bytes_out: int
    busy: float
    waiting_for_input: float
    waiting_for_output: float
    total: int | None
    notes: list[str]


@dataclass
class Gauge:
    """The live figures behind the report of one stage."""

    name: str
    meter: Meter
    total: int | None = None
    notes: list[str] = field(default_factory=list)
    fed_by: Meter | None = None
    """The meter of the stage before, if that stage writes directly into this one's program."""
    finished: float | None = None
    """The time of :func:`time.monotonic` at which the stage ended."""


class Report:
    """The report of a whole run: ``stages`` in order, and the sums of their figures.

    ``facts`` has the results that the stages leave: ``sha1`` (hexadecimal), ``zfs_stream`` and the
    like. ``branches`` has the reports of the branches that stages of this pipeline feed (see
    :func:`~imgadm.streams.tee`), in the order of these stages; each has facts of its own.
    ``begins`` is False for the report of a branch: it has no source, and its bytes are those that
    the branch is fed.
    """

    def __init__(self, gauges: list[Gauge], *, begins: bool = True) -> None:
        self._gauges = gauges
        self._begins = begins
        self._started = time.monotonic()
        self._ended: float | None = None
        self.facts: dict[str, Any] = {}
        self.branches: list[Report] = []

    @property
    def elapsed(self) -> float:
        """The seconds from the start to the end of the run, or to now while it goes on."""
        return (self._ended or time.monotonic()) - self._started

    def end(self) -> None:
        """Stop the clock of this report and those of its branches."""
        self._ended = time.monotonic()
        for branch in self.branches:
            branch.end()

    @property
    def stages(self) -> list[StageReport]:
        """The figures of each stage, without those of branches."""
        return [self._stage(gauge) for gauge in self._gauges]

    def _stage(self, gauge: Gauge) -> StageReport:
        meter = gauge.meter
        alive = (gauge.finished or self._ended or time.monotonic()) - self._started
        is_source = self._begins and gauge is self._gauges[0]
        waited_in = 0.0 if is_source else meter.waited_for_input
        waited_out = 0.0 if gauge is self._gauges[-1] else meter.waited_for_output
        bytes_in, bytes_out = meter.bytes_in, meter.bytes_out
        busy = max(0.0, alive - waited_in - waited_out)
        if gauge.fed_by is not None:
            # The process works while its pipe is full, and idles while the pipe is being filled.
            bytes_in = bytes_out = gauge.fed_by.bytes_out
            busy = gauge.fed_by.waited_for_output
            waited_in = max(0.0, alive - busy)
        return StageReport(
            gauge.name,
            bytes_in,
            bytes_out,
            busy,
            waited_in,
            waited_out,
            gauge.total,
            list(gauge.notes),
        )

    @property
    def bytes_in(self) -> int:
        """The bytes that the first stage has delivered; in a branch, those that it has taken."""
        meter = self._gauges[0].meter
        return meter.bytes_out if self._begins else meter.bytes_in

    @property
    def progress(self) -> int:
        """The bytes of ``total`` that are done."""
        return self.bytes_in

    @property
    def total(self) -> int | None:
        """The bytes that the first stage will deliver; None if it does not know, or in a branch."""
        return self._gauges[0].total if self._begins else None

    @property
    def bytes_out(self) -> int:
        """The bytes that the last stage has taken."""
        return self._stage(self._gauges[-1]).bytes_in

    @property
    def bottleneck(self) -> StageReport:
        """The figures of the stage that was busy longest, the stages of branches included."""
        found = [*self.stages, *(branch.bottleneck for branch in self.branches)]
        return max(found, key=lambda stage: stage.busy)

    @property
    def notes(self) -> list[str]:
        """Lines for an operator, such as one about a connection that was resumed."""
        own = [note for gauge in self._gauges for note in gauge.notes]
        return [*own, *(note for branch in self.branches for note in branch.notes)]

    @property
    def peak_memory(self) -> int:
        """The largest resident memory of this process so far, in bytes."""
        with contextlib.suppress(OSError):
            # The figure of getrusage may be that of the process that started this one.
            for line in Path("/proc/self/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
