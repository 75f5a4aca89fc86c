"""Long work that several requests want at once, done once for all of them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Generic, TypeVar

_Result = TypeVar("_Result")

_AT_ONCE = 4
"""The number of jobs that run at the same time; others wait for their turn."""

Wait = Callable[[threading.Event, float | None], bool]
"""A function that waits for an event, at most some seconds, and tells whether it was set."""
_wait: ContextVar[Wait] = ContextVar("wait", default=threading.Event.wait)


@contextmanager
def waiting_by(wait: Wait) -> Iterator[None]:
    """Let this thread wait for jobs by calling ``wait`` inside the block.

    Otherwise it calls :meth:`threading.Event.wait`. An error that ``wait`` raises ends the waiting,
    not the job.
    """
    token = _wait.set(wait)
    try:
        yield
    finally:
        _wait.reset(token)


class SharedWork(Generic[_Result]):
    """A queue of jobs, run in the order in which they come. Several threads may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._works: dict[Hashable, _Work[_Result]] = {}
        self._queue: deque[Hashable] = deque()
        self._threads = 0

    def result(
        self, key: Hashable, function: Callable[[], _Result], seconds: float | None = None
    ) -> _Result | None:
        """Return the result of ``function``, called once for all threads that ask for ``key``.

        Returns ``None`` after ``seconds``; the job goes on then. Raises what ``function`` raises.
        """
        with self._lock:
            work = self._works.get(key)
            if work is None:
                self._see_to_threads()
                work = self._works[key] = _Work(function)
                self._queue.append(key)
        if not _wait.get()(work.ended, seconds):
            return None
        if work.error is not None:
            raise work.error
        return work.result

    def _see_to_threads(self) -> None:
        """Start one more thread, unless there are enough; the caller holds the lock."""
        if self._threads == _AT_ONCE:
            return
        self._threads += 1
        try:
            threading.Thread(target=self._run, name="imgadm-shared-work", daemon=True).start()
        except RuntimeError:  # the host has none left
            self._threads -= 1
            if not self._threads:
                raise

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._queue:
                    self._threads -= 1
                    return
                key = self._queue.popleft()
                work = self._works[key]
            try:
                work.result = work.function()
            except Exception as error:
                work.error = error
            with self._lock:
                del self._works[key]
            work.ended.set()


class _Work(Generic[_Result]):
    def __init__(self, function: Callable[[], _Result]) -> None:
        self.function = function
        self.ended = threading.Event()
        self.result: _Result | None = None
        self.error: Exception | None = None
