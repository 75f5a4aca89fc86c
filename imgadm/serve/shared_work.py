"""Work that takes long and that several requests want at once: it is done once, for all of them."""

from __future__ import annotations

import threading
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
    """Runs works, each on a thread of its own. Usable from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns = threading.Semaphore(AT_ONCE)
        self._running: dict[Hashable, _Work[Result]] = {}

    def result(
        self, key: Hashable, function: Callable[[], Result], seconds: float | None = None
    ) -> Result | None:
        """Return what ``function`` returns, which whoever asks for the same ``key`` now gets, too.

        After ``seconds`` the answer is ``None``, and the work goes on. Raises what it raises.
        """
        with self._lock:
            work = self._running.get(key)
            if work is None:
                work = self._running[key] = _Work(function)
                threading.Thread(
                    target=self._run, args=(key, work), name="imgadm-shared-work", daemon=True
                ).start()
        if not _wait.get()(work.ended, seconds):
            return None
        if work.error is not None:
            raise work.error
        return work.result

    def _run(self, key: Hashable, work: _Work[Result]) -> None:
        try:
            with self._turns:
                work.result = work.function()
        except Exception as error:
            work.error = error
        finally:
            with self._lock:
                del self._running[key]
            work.ended.set()


class _Work(Generic[Result]):
    def __init__(self, function: Callable[[], Result]) -> None:
        self.function = function
        self.ended = threading.Event()
        self.result: Result | None = None
        self.error: Exception | None = None
