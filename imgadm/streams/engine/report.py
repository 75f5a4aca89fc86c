"""What a pipeline did and does: plain data, readable while it runs."""

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
    """Figures of one stage. Bytes, and seconds since the run began.

    The waits are for the stages before and after. What the first stage waits for, such as a
    network, and the last, such as a program, is their own work, and counts as busy.
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
    """The living figures behind one stage's report."""

    name: str
    meter: Meter
    total: int | None = None
    notes: list[str] = field(default_factory=list)
    #: The stage that writes straight into this one's process, when it has no thread that works.
    fed_by: Meter | None = None
    finished: float | None = None


class Report:
    """The whole run: ``stages`` in order, ``elapsed`` seconds, and what they add up to."""

    def __init__(self, gauges: list[Gauge]) -> None:
        self._gauges = gauges
        self._started = time.monotonic()
        self._ended: float | None = None
        #: Facts that stages leave behind: ``sha1`` (hexadecimal), ``zfs_stream`` and the like.
        self.facts: dict[str, Any] = {}

    @property
    def elapsed(self) -> float:
        return (self._ended or time.monotonic()) - self._started

    def end(self) -> None:
        self._ended = time.monotonic()

    @property
    def stages(self) -> list[StageReport]:
        return [self._stage(gauge) for gauge in self._gauges]

    def _stage(self, gauge: Gauge) -> StageReport:
        meter = gauge.meter
        alive = (gauge.finished or self._ended or time.monotonic()) - self._started
        waited_in = 0.0 if gauge is self._gauges[0] else meter.waited_for_input
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
        """Bytes that the first stage has delivered."""
        return self._gauges[0].meter.bytes_out

    @property
    def progress(self) -> int:
        """How much of ``total`` is behind us."""
        return self.bytes_in

    @property
    def total(self) -> int | None:
        """Bytes that the first stage will deliver, where it knows."""
        return self._gauges[0].total

    @property
    def bytes_out(self) -> int:
        """Bytes that the last stage has taken."""
        return self._stage(self._gauges[-1]).bytes_in

    @property
    def bottleneck(self) -> StageReport:
        """The stage that was busy longest."""
        return max(self.stages, key=lambda stage: stage.busy)

    @property
    def notes(self) -> list[str]:
        """What the stages want to be known, such as connections that were resumed."""
        return [note for gauge in self._gauges for note in gauge.notes]

    @property
    def peak_memory(self) -> int:
        """Largest resident memory of this process so far, in bytes."""
        with contextlib.suppress(OSError):
            # What getrusage says there may be of the process that started this one.
            for line in Path("/proc/self/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
