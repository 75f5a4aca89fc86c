"""The runner of a pipeline: it runs stages side by side and ends them together."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from imgadm._native import Cancelled
from imgadm.base.signals import run_beyond_signals
from imgadm.streams.engine.arguments import check_listener, check_seconds
from imgadm.streams.engine.cancellation import CancelToken
from imgadm.streams.engine.descriptors import kernel_moves
from imgadm.streams.engine.layout import lay_out
from imgadm.streams.engine.links import ChannelLinks, Links, PipeLinks
from imgadm.streams.engine.report import Report
from imgadm.streams.engine.stage import Context, Stage
from imgadm.streams.errors import ChecksumError, SizeError, StreamError, UnreadError

DIAGNOSIS = 0.5
"""Seconds for which a checksum may go on after a later stage found the bytes bad.

If the checksum finds them bad as well, the transfer is to blame and not the image.
"""

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
    names the stage for a StreamError; a note does for an OSError.
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
        self._changed = threading.Condition()
        self._running: set[int] = set()
        self._ended = False
        self._error: BaseException | None = None
        # A stage that ended although the one before still writes to it, and the error of that one.
        # If the reader has failed, it is about to say why.
        self._reader: int | None = None
        self._unread: UnreadError | None = None
        # The stage that may still find the bytes bad after a later one did.
        self._verifier: int | None = None
        # The latest moment at which a failure becomes final.
        self._deadline: float | None = None

    def run(self, on_progress: Callable[[Report], None] | None, interval: float) -> Report:
        try:
            run_beyond_signals(self._prepare)
            for place, context in zip(self._places, self._contexts, strict=True):
                self._opened.append(place.stage)
                self._open(place.stage, context)
                place.gauge.total = place.stage.total
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
            self._places[index].gauge.finished = time.monotonic()
            with self._changed:
                self._running.discard(index)
                self._changed.notify_all()

    def _fail(self, index: int, error: BaseException, links: Links) -> None:
        stage = self._places[index].stage
        _name_stage(error, stage)
        with self._changed:
            self._deadline = self._deadline or time.monotonic() + DIAGNOSIS
            self._changed.notify_all()
            if isinstance(error, UnreadError) and error.reader not in (None, index):
                self._reader, self._unread = error.reader, error
            elif self._error is None:
                self._error = error
                self._verifier = self._verifier_before(index) if stage.judges_content else None
            elif index == self._verifier and isinstance(error, (ChecksumError, SizeError)):
                error.__cause__ = self._error
                self._error = error
            verifier = self._verifier
        if verifier is not None and verifier in self._before(index):
            with contextlib.suppress(Cancelled, OSError):
                links.discard_after(verifier)

    def _verifier_before(self, index: int) -> int | None:
        for earlier in self._before(index):
            if self._places[earlier].stage.verifies and earlier in self._running:
                return earlier
        return None

    def _before(self, index: int) -> Iterator[int]:
        """Yield the stages through which the bytes of a stage have come, the nearest first."""
        upstream = self._places[index].upstream
        while upstream is not None:
            yield upstream
            upstream = self._places[upstream].upstream

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
        """Return the time from now to ``due``, or to the end of a diagnosis if that is earlier."""
        end = due if self._deadline is None else min(due, self._deadline)
        return end - time.monotonic()

    def _is_over(self) -> bool:
        """Tell whether all have ended, or no stage that still runs could explain a failure."""
        if not self._running:
            return True
        if self._deadline is None:
            return False
        if time.monotonic() >= self._deadline:
            return True
        awaited = self._verifier if self._error is not None else self._reader
        return awaited not in self._running

    def _keep(self, error: BaseException) -> None:
        """Remember the error to raise: the first one, unless a later one is a Ctrl-C."""
        with self._changed:
            if self._error is None or not isinstance(error, Exception):
                self._error = error

    def _end(self) -> None:
        """Leave nothing behind. Programs end first, so that none sees a broken stream end."""
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
