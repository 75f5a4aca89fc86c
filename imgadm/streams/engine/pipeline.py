"""Running stages side by side, and ending them together."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

from imgadm._native import Cancelled, Meter
from imgadm.base.signals import run_beyond_signals
from imgadm.streams.engine.cancellation import CancelToken
from imgadm.streams.engine.descriptors import kernel_moves
from imgadm.streams.engine.links import ChannelLinks, Links, PipeLinks
from imgadm.streams.engine.report import Gauge, Report
from imgadm.streams.engine.stage import Context, Stage
from imgadm.streams.errors import ChecksumError, SizeError, StreamError, UnreadError

#: Seconds for which a checksum may go on after a later stage found the bytes bad: if it finds them
#: bad too, the transfer is to blame and not the image.
DIAGNOSIS = 0.5

#: Seconds that the stages get to end by themselves before they are aborted a second time.
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
        self._gauges = [Gauge(stage.name, Meter()) for stage in stages]
        self._report = Report(self._gauges)
        self._contexts: list[Context] = []
        self._opened: list[Stage] = []
        self._cancel: CancelToken | None = None
        self._links: Links | None = None
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()
        self._running: set[int] = set()
        self._ended = False
        self._error: BaseException | None = None
        #: A stage that ended although the one before still writes to it, and what that one says of
        #: it. If it has failed, it is about to say why.
        self._reader: int | None = None
        self._unread: UnreadError | None = None
        #: The stage that may still find the bytes bad after a later one did.
        self._verifier: int | None = None
        #: When a failure becomes final at the latest.
        self._deadline: float | None = None

    def run(self, on_progress: Callable[[Report], None] | None, interval: float) -> Report:
        try:
            run_beyond_signals(self._prepare)
            for stage, context, gauge in zip(
                self._stages, self._contexts, self._gauges, strict=True
            ):
                self._opened.append(stage)
                self._open(stage, context)
                gauge.total = stage.total
            run_beyond_signals(self._start)
            self._watch(on_progress, interval)
        except BaseException as error:  # raised again below, once everything has ended
            self._keep(error)
        while not self._ended:
            try:
                run_beyond_signals(self._end)
            except BaseException as error:
                self._keep(error)
        if self._error is not None:
            try:
                raise self._error
            finally:
                self._error = None  # its traceback leads back here
        if on_progress is not None:
            on_progress(self._report)
        return self._report

    def _prepare(self) -> None:
        self._cancel = CancelToken()
        for index, gauge in enumerate(self._gauges):
            downstream = self._stages[index + 1] if index + 1 < len(self._stages) else None
            self._contexts.append(
                Context(self._cancel, gauge.meter, gauge.notes, self._report.facts, downstream)
            )

    def _open(self, stage: Stage, context: Context) -> None:
        try:
            stage.open(context)
        except (StreamError, OSError) as error:
            _name_stage(error, stage)
            raise

    def _start(self) -> None:
        assert self._cancel is not None
        by_descriptor = kernel_moves() and all(stage.moves_descriptors for stage in self._stages)
        kind = PipeLinks if by_descriptor else ChannelLinks
        self._links = kind(self._stages, self._contexts)
        self._links.open(self._cancel)
        if self._links.fed_by_pipe():
            self._gauges[-1].fed_by = self._gauges[-2].meter
        for index, stage in enumerate(self._stages):
            thread = threading.Thread(
                target=self._work,
                args=(index, self._links, self._cancel),
                name=f"imgadm-{stage.name}",
                daemon=True,
            )
            with self._changed:
                self._running.add(index)
            thread.start()
            self._threads.append(thread)

    def _work(self, index: int, links: Links, cancel: CancelToken) -> None:
        try:
            links.run(index)
        except BaseException as error:  # whatever a stage raises is the pipeline's to report
            if not (isinstance(error, Cancelled) and cancel.cancelled):
                self._fail(index, error, links)
        finally:
            self._gauges[index].finished = time.monotonic()
            with self._changed:
                self._running.discard(index)
                self._changed.notify_all()

    def _fail(self, index: int, error: BaseException, links: Links) -> None:
        stage = self._stages[index]
        _name_stage(error, stage)
        with self._changed:
            self._deadline = self._deadline or time.monotonic() + DIAGNOSIS
            self._changed.notify_all()
            if isinstance(error, UnreadError) and error.stage != stage.name:
                self._reader, self._unread = index + 1, error
            elif self._error is None:
                self._error = error
                self._verifier = self._verifier_before(index) if stage.judges_content else None
            elif index == self._verifier and isinstance(error, (ChecksumError, SizeError)):
                error.__cause__ = self._error
                self._error = error
            verifier = self._verifier
        if verifier is not None and verifier < index:
            with contextlib.suppress(Cancelled, OSError):
                links.discard_after(verifier)

    def _verifier_before(self, index: int) -> int | None:
        for earlier in range(index - 1, -1, -1):
            if self._stages[earlier].verifies and earlier in self._running:
                return earlier
        return None

    def _watch(self, on_progress: Callable[[Report], None] | None, interval: float) -> None:
        due = time.monotonic() + interval
        while True:
            with self._changed:
                while not self._is_over() and (wait := self._seconds_until(due)) > 0:
                    self._changed.wait(wait)
                if self._is_over():
                    self._error = self._error or self._unread
                    return
            if on_progress is not None and self._deadline is None:
                on_progress(self._report)
            due = time.monotonic() + interval

    def _seconds_until(self, due: float) -> float:
        """From now to ``due``, or to when a failure becomes final, if that is earlier."""
        end = due if self._deadline is None else min(due, self._deadline)
        return end - time.monotonic()

    def _is_over(self) -> bool:
        """Whether all have ended, or a failure is final: nobody is left who could explain it."""
        if not self._running:
            return True
        if self._deadline is None:
            return False
        if time.monotonic() >= self._deadline:
            return True
        awaited = self._verifier if self._error is not None else self._reader
        return awaited not in self._running

    def _keep(self, error: BaseException) -> None:
        """Remember what is to be raised: the first error, but rather that somebody ends it all."""
        with self._changed:
            if self._error is None or not isinstance(error, Exception):
                self._error = error

    def _end(self) -> None:
        """Leave nothing behind. Programs go first: none sees the end of a broken stream."""
        self._ended = True
        if self._error is not None:
            self._abort()
            if self._cancel is not None:
                self._cancel.cancel()
            if not self._join(_PATIENCE):
                self._abort()
        self._join(None)
        for stage in reversed(self._opened):
            self._attempt(stage.close)
        if self._links is not None:
            self._attempt(self._links.close)
        if self._cancel is not None:
            self._cancel.close()
        self._report.end()

    def _abort(self) -> None:
        for stage in reversed(self._opened):
            self._attempt(stage.abort)

    def _attempt(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:  # must not keep the other steps from being done
            self._keep(error)

    def _join(self, timeout: float | None) -> bool:
        """Wait for all threads; returns whether they have ended."""
        limit = None if timeout is None else time.monotonic() + timeout
        for thread in self._threads:
            thread.join(None if limit is None else max(0.0, limit - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)


def _name_stage(error: BaseException, stage: Stage) -> None:
    if isinstance(error, StreamError):
        error.stage = error.stage or stage.name
    else:
        error.add_note(f"in stage: {stage.name}")
