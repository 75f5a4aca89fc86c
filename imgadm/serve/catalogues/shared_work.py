"""Work that takes long and that several requests want at once: it is done once, for all of them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Generic, TypeVar

Result = TypeVar("Result")

AT_ONCE = 4
"""Works that run at the same time; others wait for their turn."""

Wait = Callable[[threading.Event, float | None], bool]
_wait: ContextVar[Wait] = ContextVar("wait", default=threading.Event.wait)


@contextmanager
def waiting_by(wait: Wait) -> Iterator[None]:
    """Have this thread wait for works by calling ``wait`` inside, as :meth:`threading.Event.wait`.

    What that raises ends the waiting, not the work.
    """
    token = _wait.set(wait)
    try:
        yield
    finally:
        _wait.reset(token)


class SharedWork(Generic[Result]):
    """Runs works in the order in which they come. Usable from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._works: dict[Hashable, _Work[Result]] = {}
        self._queue: deque[Hashable] = deque()
        self._threads = 0

    def result(
        self, key: Hashable, function: Callable[[], Result], seconds: float | None = None
    ) -> Result | None:
        """Return what ``function`` returns, which whoever asks for the same ``key`` now gets, too.

        After ``seconds`` the answer is ``None``, and the work goes on. Raises what it raises.
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
        if self._threads == AT_ONCE:
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


class _Work(Generic[Result]):
    def __init__(self, function: Callable[[], Result]) -> None:
        self.function = function
        self.ended = threading.Event()
        self.result: Result | None = None
        self.error: Exception | None = None
