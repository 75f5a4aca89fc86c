"""Jobs on the pieces of one stream, on several threads, with results in the pieces' order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

_Result = TypeVar("_Result")


class OrderedJobs(Generic[_Result]):
    """A bounded queue of jobs that run on ``threads`` threads; a context manager.

    Jobs should be short and work without the GIL. Leaving the ``with`` block drops the jobs that
    have not begun and waits for those that have. ``name`` is part of the threads' names.
    """

    def __init__(self, threads: int, *, name: str, jobs_per_thread: int = 2) -> None:
        # The jobs beyond one per thread wait for a thread, or their results for their turn. Thus no
        # thread waits for a job.
        self._limit = jobs_per_thread * threads
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=f"imgadm-{name}")
        self._jobs: deque[Future[_Result]] = deque()

    def __enter__(self) -> OrderedJobs[_Result]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)

    def __len__(self) -> int:
        """Return the number of jobs whose results nobody has taken yet."""
        return len(self._jobs)

    @property
    def full(self) -> bool:
        """Whether the caller should take a result before it submits the next job."""
        return len(self._jobs) >= self._limit

    def submit(self, job: Callable[[], _Result]) -> None:
        self._jobs.append(self._threads.submit(job))

    def next(self) -> _Result:
        """Wait for the oldest job and return its result, or raise its exception."""
        return self._jobs.popleft().result()
