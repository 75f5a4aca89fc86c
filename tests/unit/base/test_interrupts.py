"""Signals that wait until a stretch of work is done."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from imgadm.base.signals import interrupted_afterwards, uninterrupted


@pytest.mark.parametrize("stretch", [uninterrupted, interrupted_afterwards])
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
    with pytest.raises(ValueError, match="broken"), interrupted_afterwards():
        raise ValueError("broken")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupted_afterwards():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
