"""Running stages side by side, and ending them together."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from imgadm import _native
from imgadm._native import Meter
from imgadm.streams.buffers import BufferPool
from imgadm.streams.cancellation import CancelToken
from imgadm.streams.channel import Channel
from imgadm.streams.descriptors import kernel_moves, make_pipe
from imgadm.streams.errors import Cancelled, StreamError
from imgadm.streams.report import Gauge, Report
from imgadm.streams.stage import Context, Inlet, Outlet, Stage

#: Seconds for which a checksum may go on after a later stage found the bytes bad: if it finds them
#: bad too, the transfer is to blame and not the image.
DIAGNOSIS = 0.5

#: Seconds that a stage gets to end by itself before it is aborted a second time.
_PATIENCE = 0.3


def run(
    *stages: Stage,
    on_progress: Callable[[Report], None] | None = None,
    interval: float = 0.1,
) -> Report:
    """Run the stages at the same time, joined in the order given, until all have succeeded.

    ``on_progress`` is called about every ``interval`` seconds on the calling thread with the live
    report, and once at the end. A Ctrl-C (or whatever it raises) ends the pipeline.

    Returns the finished report. Raises the first error of any stage, StreamError or OSError, after
    everything has ended: no thread, process or descriptor is left. ``error.stage`` names the stage
    for a StreamError; for an OSError a note does.
    """
    return _Pipeline(stages).run(on_progress, interval)


class _Pipeline:
    def __init__(self, stages: tuple[Stage, ...]) -> None:
        if len(stages) < 2:
            raise ValueError("a pipeline needs a source and a sink at least")
        self._stages = stages
        self._cancel = CancelToken()
        self._buffers = BufferPool()
        self._gauges = [Gauge(stage.name, Meter()) for stage in stages]
        self._report = Report(self._gauges)
        self._contexts = [
            Context(
                cancel=self._cancel,
                meter=gauge.meter,
                notes=gauge.notes,
                facts=self._report.facts,
                downstream=stages[index + 1] if index + 1 < len(stages) else None,
            )
            for index, gauge in enumerate(self._gauges)
        ]
        self._channels: list[Channel] = []
        self._pipes: list[list[int]] = []
        self._changed = threading.Condition()
        self._running: set[int] = set()
        self._error: BaseException | None = None
        #: A stage whose reader went away; that reader is about to say why.
        self._broken_pipe: BrokenPipeError | None = None
        #: The stage that may still find the bytes bad after a later one did.
        self._verifier: int | None = None
        #: When a failure becomes final at the latest.
        self._deadline: float | None = None

    def run(self, on_progress: Callable[[Report], None] | None, interval: float) -> Report:
        threads: list[threading.Thread] = []
        opened: list[Stage] = []
        try:
            for stage, context, gauge in zip(
                self._stages, self._contexts, self._gauges, strict=True
            ):
                opened.append(stage)
                self._open(stage, context)
                gauge.total = stage.total
            threads = self._start()
            self._watch(on_progress, interval)
        except BaseException as error:
            self._error = self._error or error
            raise
        finally:
            self._end(threads)
            for stage in opened:
                stage.close()
            self._release()
            self._report.end()
        if self._error is not None:
            raise self._error
        if on_progress is not None:
            on_progress(self._report)
        return self._report

    def _open(self, stage: Stage, context: Context) -> None:
        try:
            stage.open(context)
        except (StreamError, OSError) as error:
            _name_stage(error, stage)
            raise

    def _start(self) -> list[threading.Thread]:
        by_descriptor = kernel_moves() and all(stage.moves_descriptors for stage in self._stages)
        works = self._join_by_pipes() if by_descriptor else self._join_by_channels()
        self._running = set(range(len(works)))
        threads = [
            threading.Thread(
                target=self._work, args=(index, work), name=f"imgadm-{stage.name}", daemon=True
            )
            for index, (stage, work) in enumerate(zip(self._stages, works, strict=True))
        ]
        for thread in threads:
            thread.start()
        return threads

    def _join_by_channels(self) -> list[Callable[[], None]]:
        links = [Channel(self._cancel) for _ in range(len(self._stages) + 1)]
        links[0].close()
        self._channels = links

        def work(index: int) -> Callable[[], None]:
            stage, context = self._stages[index], self._contexts[index]
            inlet = Inlet(links[index], context.meter)
            outlet = Outlet(links[index + 1], context.meter, self._buffers)

            def run_stage() -> None:
                stage.run(context, inlet, outlet)
                links[index + 1].close()

            return run_stage

        return [work(index) for index in range(len(self._stages))]

    def _join_by_pipes(self) -> list[Callable[[], None]]:
        last = len(self._stages) - 1
        sources, sinks = [-1], []
        for index in range(last):
            entrance = self._stages[index + 1].input_descriptor() if index + 1 == last else None
            if entrance is None:
                read_end, write_end = make_pipe()
            else:
                read_end, write_end = -1, entrance
                self._gauges[last].fed_by = self._gauges[index].meter
            sources.append(read_end)
            sinks.append(write_end)
        sinks.append(-1)
        self._pipes = [[source, sink] for source, sink in zip(sources, sinks, strict=True)]

        def work(index: int) -> Callable[[], None]:
            def run_stage() -> None:
                source, sink = self._pipes[index]
                self._stages[index].run_descriptors(self._contexts[index], source, sink)
                self._close_pipe(index, 1)
                self._close_pipe(index, 0)

            return run_stage

        return [work(index) for index in range(len(self._stages))]

    def _close_pipe(self, index: int, end: int) -> None:
        descriptor, self._pipes[index][end] = self._pipes[index][end], -1
        if descriptor >= 0:
            os.close(descriptor)

    def _work(self, index: int, work: Callable[[], None]) -> None:
        try:
            work()
        except (Cancelled, _native.Cancelled):
            pass
        except BaseException as error:  # whatever a stage raises is the pipeline's to report
            self._fail(index, error)
        finally:
            self._gauges[index].finished = time.monotonic()
            with self._changed:
                self._running.discard(index)
                self._changed.notify_all()

    def _fail(self, index: int, error: BaseException) -> None:
        stage = self._stages[index]
        _name_stage(error, stage)
        with self._changed:
            if isinstance(error, BrokenPipeError) and self._error is None:
                self._broken_pipe = error
                self._deadline = time.monotonic() + DIAGNOSIS
                return
            if self._error is None:
                self._error = error
                self._verifier = self._verifier_before(index) if stage.judges_content else None
                self._deadline = time.monotonic() + DIAGNOSIS
            elif index == self._verifier:
                error.__cause__ = self._error
                self._error = error
            verifier = self._verifier
        if verifier is not None and self._channels:
            self._channels[verifier + 1].discard()

    def _verifier_before(self, index: int) -> int | None:
        for earlier in range(index - 1, -1, -1):
            if self._stages[earlier].verifies and earlier in self._running:
                return earlier
        return None

    def _watch(self, on_progress: Callable[[Report], None] | None, interval: float) -> None:
        while True:
            with self._changed:
                wait = interval
                if self._deadline is not None:
                    wait = min(wait, max(0.0, self._deadline - time.monotonic()))
                if self._running and not self._is_over():
                    self._changed.wait(wait)
                if not self._running or self._is_over():
                    self._error = self._error or self._broken_pipe
                    return
            if on_progress is not None and self._deadline is None:
                on_progress(self._report)

    def _is_over(self) -> bool:
        """Whether a failure is final: nobody is left who could say what is behind it."""
        if self._deadline is None:
            return False
        if time.monotonic() >= self._deadline:
            return True
        return self._error is not None and self._verifier not in self._running

    def _end(self, threads: list[threading.Thread]) -> None:
        """Have no thread left. Processes go first, so that none sees the end of a broken stream."""
        if any(thread.is_alive() for thread in threads) or self._error is not None:
            for stage in reversed(self._stages):
                stage.abort()
            self._cancel.cancel()
            limit = time.monotonic() + _PATIENCE
            for thread in threads:
                thread.join(max(0.0, limit - time.monotonic()))
            for stage in reversed(self._stages):
                stage.abort()
        for thread in threads:
            thread.join()

    def _release(self) -> None:
        for index in range(len(self._pipes)):
            self._close_pipe(index, 1)
            self._close_pipe(index, 0)
        for channel in self._channels:
            channel.stop_listening()
        self._cancel.close()


def _name_stage(error: BaseException, stage: Stage) -> None:
    if isinstance(error, StreamError):
        error.stage = error.stage or stage.name
    else:
        error.add_note(f"in stage: {stage.name}")
