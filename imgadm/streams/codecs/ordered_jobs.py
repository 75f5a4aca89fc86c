"""Work on pieces of one stream on several threads, with the results in the order of the pieces."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

_Result = TypeVar("_Result")


class OrderedJobs(Generic[_Result]):
    """Jobs that may be done at the same time, and a bounded number of them at once.

    Jobs should do their work off the GIL and be short: leaving the ``with`` block drops those that
    have not begun, and waits for those that have.
    """

    def __init__(self, threads: int, *, name: str, jobs_per_thread: int = 2) -> None:
        # Those beyond one wait for a thread or for their turn, so that no thread waits for a job.
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
        """Jobs whose results have not been taken."""
        return len(self._jobs)

    @property
    def full(self) -> bool:
        """Whether a result should be taken before the next job is given."""
        return len(self._jobs) >= self._limit

    def submit(self, job: Callable[[], _Result]) -> None:
        self._jobs.append(self._threads.submit(job))

    def next(self) -> _Result:
        """The result of the oldest job, waited for; or what it raised."""
        return self._jobs.popleft().result()
