"""Signals that wait until a stretch of work is done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from imgadm.base.signals import run_beyond_signals, signals_held_back, signals_raised_afterwards


@pytest.mark.parametrize("stretch", [signals_held_back, signals_raised_afterwards])
def test_work_is_done_before_the_interrupt_is_heard(
    stretch: Callable[[], AbstractContextManager[None]],
) -> None:
    done: list[str] = []

    def work() -> None:
        signal.raise_signal(signal.SIGINT)
        done.append("work")

    with pytest.raises(KeyboardInterrupt), stretch():
        work()
    assert done == ["work"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_of_the_work_is_not_lost() -> None:
    with pytest.raises(ValueError, match="broken"), signals_raised_afterwards():
        raise ValueError("broken")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals_raised_afterwards():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


class InterruptedAtStart(threading.Thread):
    """A thread whose starter gets Ctrl-C right after the thread has begun."""

    def start(self) -> None:
        super().start()
        self.join()
        raise KeyboardInterrupt


def test_ctrl_c_while_a_call_begins_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imgadm.base.signals.threading.Thread", InterruptedAtStart)
    calls: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        run_beyond_signals(lambda: calls.append("made"))
    assert calls == ["made"]
