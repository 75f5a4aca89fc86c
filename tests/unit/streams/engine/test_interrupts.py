"""Ctrl-C: in every state of a pipeline, again while it ends, and at any moment of its life."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from imgadm import streams
from imgadm.streams import Context
from tests.unit.streams.http.servers import Answer, Server, hang_up, never_answer
from tests.unit.streams.stages import Collect, Supply, unending

from .interrupted import SITUATIONS

ROOT = Path(__file__).parents[4]


@pytest.fixture(autouse=True)
def ctrl_c_is_heard() -> Iterator[None]:
    """Also where the tests run as a job in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_ctrl_c_ends_everything_at_once(
    way: str, situation: str, server: Server, tmp_path: Path
) -> None:
    body = bytes(10_000_000)
    cut = Answer(body, send=5_000_000)
    stalled = Answer(body, send=5_000_000, end="stall")
    plans = {
        "fetch stalls": [stalled],
        "chunked fetch stalls": [Answer(body, chunked=True, send=5_000_000, end="stall")],
        "waits before it reconnects": [cut, hang_up],
        "reconnects": [cut, never_answer],
        "reads the prefix again": [cut, Answer(body, send=1_000_000, end="stall")],
        "waits for the words of an error": [
            cut,
            Answer(b"{", "503 Busy", promise=1000, end="stall"),
        ],
    }
    url = server.plan(*plans.get(situation, [hang_up]))
    program = (
        f"from tests.unit.streams.engine import interrupted as it; it.main({situation!r}, {url!r})"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in the middle\n"
        process.send_signal(signal.SIGINT)
        # Whatever is not ended by the signal outlasts the time that a test may take.
        said = process.stdout.readline()
    assert said.split() == ["KeyboardInterrupt", "left:"]
    assert list(tmp_path.iterdir()) == []


class Slow(Collect):
    """Takes a moment for each step of its life on the calling thread, and counts the steps."""

    def __init__(self, step: str) -> None:
        super().__init__(keep=False)
        self._step = step
        self.reached = threading.Event()
        self.done: list[str] = []

    def _take_time(self, step: str) -> None:
        if step == self._step:
            self.reached.set()
            time.sleep(0.1)
        self.done.append(step)

    def open(self, context: Context) -> None:
        self._take_time("open")

    def abort(self) -> None:
        self._take_time("abort")

    def close(self) -> None:
        self._take_time("close")


@pytest.mark.parametrize("step", ["open", "abort", "close"])
def test_ctrl_c_again_while_it_ends(way: str, step: str) -> None:
    slow = Slow(step)

    def press() -> None:
        slow.reached.wait()
        interrupt_main_thread()

    def press_first(report: streams.Report) -> None:
        raise KeyboardInterrupt("first")

    presser = threading.Thread(target=press)
    presser.start()
    with pytest.raises(KeyboardInterrupt):
        streams.run(Supply(unending()), slow, on_progress=press_first, interval=0.01)
    presser.join()
    assert slow.done[-1] == "close"


def interrupt_main_thread() -> None:
    import signal

    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def test_ctrl_c_at_any_moment(way: str) -> None:
    """Presses at moments that go through the whole life of a pipeline, starting and ending."""
    pressed = 0
    for step in range(40):
        timer = threading.Timer(step * 0.0002, interrupt_main_thread)
        try:
            timer.start()
            streams.run(
                Supply([bytes(1000)] * 20), streams.checksum("sha1"), streams.into_process(["cat"])
            )
            timer.join()
        except KeyboardInterrupt:
            pressed += 1
        finally:
            with_patience(timer.join)
    assert pressed


def with_patience(call: Callable[[], None]) -> None:
    try:
        call()
    except KeyboardInterrupt:
        call()
