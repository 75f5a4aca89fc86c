"""The outcome of a run: which stages still work, and which of their failures the caller gets."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

from imgadm.streams.engine.layout import Place
from imgadm.streams.errors import ChecksumError, SizeError, UnreadError

DIAGNOSIS_SECONDS = 0.5
"""Seconds for which a checksum may go on after a later stage found the bytes bad.

If the checksum finds them bad as well, they were damaged in the transfer, and the image is not at
fault.
"""


class Outcome:
    """The stages that work and the first failure, shared by the threads of a run.

    Stages are known by their indexes in ``places``. A failure is not final at once: a verifier
    before the stage may still find that its bytes were bad, or a stage that has ended too early may
    still say why.
    """

    def __init__(self, places: Sequence[Place]) -> None:
        self._places = places
        self._changed = threading.Condition()
        self._working: set[int] = set()
        self._error: BaseException | None = None
        # A stage that ended although the one before still writes to it, and the error of that one.
        # If the reader has failed, it is about to say why.
        self._reader: int | None = None
        self._unread: UnreadError | None = None
        # The stage that may still find the bytes bad after a later one did.
        self._verifier: int | None = None
        # The latest moment at which a failure becomes final.
        self._deadline: float | None = None

    @property
    def error(self) -> BaseException | None:
        """The error to raise; None while no failure is final."""
        return self._error

    @property
    def is_failing(self) -> bool:
        """Whether a stage has failed."""
        return self._deadline is not None

    def begin(self, index: int) -> None:
        """Record that a stage works from now on."""
        with self._changed:
            self._working.add(index)

    def end(self, index: int) -> None:
        """Record that a stage has ended."""
        with self._changed:
            self._working.discard(index)
            self._changed.notify_all()

    def fail(self, index: int, error: BaseException) -> int | None:
        """Record the failure of the stage ``index``.

        Returns the index of an earlier stage that has to go on to the end of its bytes, None if
        there is no such stage.
        """
        with self._changed:
            self._deadline = self._deadline or time.monotonic() + DIAGNOSIS_SECONDS
            self._changed.notify_all()
            if isinstance(error, UnreadError) and error.reader not in (None, index):
                self._reader, self._unread = error.reader, error
            elif self._error is None:
                self._error = error
                judges = self._places[index].stage.judges_content
                self._verifier = self._verifier_before(index) if judges else None
            elif index == self._verifier and isinstance(error, (ChecksumError, SizeError)):
                error.__cause__ = self._error
                self._error = error
            verifier = self._verifier
            return verifier if verifier is not None and verifier in self._before(index) else None

    def keep(self, error: BaseException) -> None:
        """Record an error that did not come from the work of a stage.

        It becomes the error to raise if it is the first one, or if Ctrl-C raised it.
        """
        with self._changed:
            if self._error is None or not isinstance(error, Exception):
                self._error = error

    def forget(self) -> None:
        """Drop the error, because its traceback refers to this object."""
        self._error = None

    def wait(self, due: float) -> bool:
        """Wait until the run is over, or until ``due`` (of the monotonic clock).

        Returns whether it is over: all stages have ended, or a failure is final.
        """
        with self._changed:
            while not self._is_over() and (seconds := self._seconds_until(due)) > 0:
                self._changed.wait(seconds)
            if self._is_over():
                self._error = self._error or self._unread
                return True
            return False

    def _verifier_before(self, index: int) -> int | None:
        for earlier in self._before(index):
            if self._places[earlier].stage.verifies and earlier in self._working:
                return earlier
        return None

    def _before(self, index: int) -> Iterator[int]:
        """Yield the stages through which the bytes of a stage have come, the nearest first."""
        upstream = self._places[index].upstream
        while upstream is not None:
            yield upstream
            upstream = self._places[upstream].upstream

    def _seconds_until(self, due: float) -> float:
        """Return the time from now to ``due``, or to the end of a diagnosis if that is earlier."""
        end = due if self._deadline is None else min(due, self._deadline)
        return end - time.monotonic()

    def _is_over(self) -> bool:
        """Tell whether all have ended, or no stage that still works could explain a failure."""
        if not self._working:
            return True
        if self._deadline is None:
            return False
        if time.monotonic() >= self._deadline:
            return True
        awaited = self._verifier if self._error is not None else self._reader
        return awaited not in self._working
