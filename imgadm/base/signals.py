"""Stretches of work that a signal may delay, but not break off."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_INTERRUPTS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back signals that ask this process to end, until the block has ended.

    Programs that are started inside do not see them either. For short work only.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def interrupted_afterwards() -> Iterator[None]:
    """Let signals raise what they raise when the block has ended, and its result is kept.

    Programs that are started inside see theirs. Other threads than the main one need no such care:
    Python runs handlers of signals on that one.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        arrived.append(number)

    handlers = {number: signal.getsignal(number) for number in _INTERRUPTS}
    handled = {number: handler for number, handler in handlers.items() if callable(handler)}
    try:
        for number in handled:
            signal.signal(number, note)
        yield
    finally:
        for number, handler in handled.items():
            signal.signal(number, handler)
    if arrived:
        signal.raise_signal(arrived[0])
