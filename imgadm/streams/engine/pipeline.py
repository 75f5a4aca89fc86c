"""The runner of a pipeline: it runs stages side by side and ends them together."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence

from imgadm._native import Cancelled
from imgadm.base.signals import run_beyond_signals
from imgadm.streams.engine.arguments import check_listener, check_seconds
from imgadm.streams.engine.cancellation import CancelToken
from imgadm.streams.engine.descriptors import kernel_moves
from imgadm.streams.engine.layout import lay_out
from imgadm.streams.engine.links import ChannelLinks, Links, PipeLinks
from imgadm.streams.engine.outcome import Outcome
from imgadm.streams.engine.report import Report
from imgadm.streams.engine.stage import Context, Stage
from imgadm.streams.errors import StreamError

_PATIENCE = 0.3
"""Seconds that the stages get to end by themselves before they are aborted a second time."""


def run(
    *stages: Stage,
    on_progress: Callable[[Report], None] | None = None,
    interval: float = 0.1,
) -> Report:
    """Run the stages at the same time, joined in the order given, until all have succeeded.

    The first stage is a source, the last one a sink. ``on_progress`` is called on the calling
    thread about every ``interval`` seconds with the live report, and once at the end. Ctrl-C ends
    the pipeline, and so does an error that ``on_progress`` raises.

    Returns the finished report. Raises MisuseError, before anything is opened, for stages that make
    no pipeline or have been used before. Raises the first error of any stage, StreamError or
    OSError, after everything has ended: no thread, process or descriptor is left. ``error.stage``
    names the stage of a StreamError. For an OSError, a note of the exception does.
    """
    check_seconds("interval", interval)
    check_listener("on_progress", on_progress)
    return _Pipeline(stages).run(on_progress, interval)


class _Pipeline:
    def __init__(self, stages: Sequence[Stage]) -> None:
        self._places = lay_out(stages)
        self._report = self._places[0].report
        self._contexts: list[Context] = []
        self._opened: list[Stage] = []
        self._cancel: CancelToken | None = None
        self._links: Links | None = None
        self._threads: list[threading.Thread] = []
        self._outcome = Outcome(self._places)
        self._ended = False

    def run(self, on_progress: Callable[[Report], None] | None, interval: float) -> Report:
        try:
            run_beyond_signals(self._prepare)
            for place, context in zip(self._places, self._contexts, strict=True):
                self._opened.append(place.stage)
                self._open(place.stage, context)
                place.gauge.total = place.stage.total
            run_beyond_signals(self._start)
            self._watch(on_progress, interval)
            if self._outcome.error is None:
                run_beyond_signals(self._commit)
        except BaseException as error:  # raised again below, once everything has ended
            self._outcome.keep(error)
        while not self._ended:
            try:
                run_beyond_signals(self._end)
            except BaseException as error:
                self._outcome.keep(error)
        if self._outcome.error is not None:
            try:
                raise self._outcome.error
            finally:
                self._outcome.forget()
        if on_progress is not None:
            on_progress(self._report)
        return self._report

    def _prepare(self) -> None:
        self._cancel = CancelToken()
        for place in self._places:
            following = None if place.downstream is None else self._places[place.downstream].stage
            gauge, facts = place.gauge, place.report.facts
            self._contexts.append(Context(self._cancel, gauge.meter, gauge.notes, facts, following))

    def _open(self, stage: Stage, context: Context) -> None:
        try:
            stage.open(context)
        except (StreamError, OSError) as error:
            _name_stage(error, stage)
            raise

    def _start(self) -> None:
        assert self._cancel is not None
        by_descriptor = kernel_moves() and all(
            place.stage.moves_descriptors and not place.branches for place in self._places
        )
        kind = PipeLinks if by_descriptor else ChannelLinks
        self._links = kind(self._places, self._contexts)
        self._links.open(self._cancel)
        if self._links.fed_by_pipe():
            self._places[-1].gauge.fed_by = self._places[-2].gauge.meter
        for index, place in enumerate(self._places):
            thread = threading.Thread(
                target=self._work,
                args=(index, self._links, self._cancel),
                name=f"imgadm-{place.stage.name}",
                daemon=True,
            )
            self._outcome.begin(index)
            thread.start()
            self._threads.append(thread)

    def _work(self, index: int, links: Links, cancel: CancelToken) -> None:
        try:
            links.run(index)
        except BaseException as error:  # whatever a stage raises is the pipeline's to report
            if not (isinstance(error, Cancelled) and cancel.cancelled):
                self._fail(index, error, links)
        finally:
            self._places[index].gauge.finished = time.monotonic()
            self._outcome.end(index)

    def _fail(self, index: int, error: BaseException, links: Links) -> None:
        _name_stage(error, self._places[index].stage)
        verifier = self._outcome.fail(index, error)
        if verifier is not None:
            with contextlib.suppress(Cancelled, OSError):
                links.discard_after(verifier)

    def _watch(self, on_progress: Callable[[Report], None] | None, interval: float) -> None:
        while not self._outcome.wait(time.monotonic() + interval):
            if on_progress is not None and not self._outcome.is_failing:
                on_progress(self._report)

    def _commit(self) -> None:
        for stage in self._opened:
            try:
                stage.commit()
            except BaseException as error:
                _name_stage(error, stage)
                raise

    def _end(self) -> None:
        """End all stages and free everything. Programs end first, before their input does."""
        self._ended = True
        if self._outcome.error is not None:
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
        except BaseException as error:  # must not keep the other steps from being done
            self._outcome.keep(error)

    def _join(self, timeout: float | None) -> bool:
        """Wait for all threads, and tell whether they have ended."""
        limit = None if timeout is None else time.monotonic() + timeout
        for thread in self._threads:
            thread.join(None if limit is None else max(0.0, limit - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)


def _name_stage(error: BaseException, stage: Stage) -> None:
    if isinstance(error, StreamError):
        error.stage = error.stage or stage.name
    else:
        error.add_note(f"in stage: {stage.name}")
