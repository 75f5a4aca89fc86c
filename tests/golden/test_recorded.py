"""Every recorded run, replayed: ours does the same, or differs as rules and differences say."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory

import pytest

from . import cases
from .replay import replay
from .sources.server import Sources

AT_ONCE = 3
"""Replays that run at the same time: each waits for many small programs."""

Replays = dict[str, Future[list[str]]]


@pytest.fixture(scope="module")
def replays(request: pytest.FixtureRequest) -> Iterator[Replays]:
    """The replays of all selected cases, begun ahead in the order in which they are asked for."""
    selected = [
        item.callspec.params["case"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.originalname == test_replay.__name__
    ]
    with ExitStack() as stack:
        free: SimpleQueue[Sources] = SimpleQueue()
        for _ in range(AT_ONCE):
            free.put(stack.enter_context(Sources()))

        def begin(case: cases.Case) -> list[str]:
            sources = free.get()
            try:
                with TemporaryDirectory() as directory:
                    return replay(case, Path(directory), sources)
            finally:
                free.put(sources)

        pool = stack.enter_context(ThreadPoolExecutor(AT_ONCE))
        stack.callback(pool.shutdown, cancel_futures=True)
        yield {case.name: pool.submit(begin, case) for case in selected}


@pytest.mark.parametrize("case", cases.load(), ids=lambda case: case.name)
def test_replay(case: cases.Case, replays: Replays) -> None:
    found = replays[case.name].result()
    if found:
        pytest.fail("\n".join(found), pytrace=False)
