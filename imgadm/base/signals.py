"""Work that a signal may delay, but never breaks off."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

Result = TypeVar("Result")

_INTERRUPTS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


@contextmanager
def signals_held_back() -> Iterator[None]:
    """Block SIGINT, SIGTERM and SIGHUP while the block runs; they are delivered after it.

    A program that is started in the block inherits the mask and does not receive them either. Use
    this for short work only.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def signals_raised_afterwards() -> Iterator[None]:
    """Call the handlers of SIGINT, SIGTERM and SIGHUP only after the block has ended.

    The block keeps its result, because no handler raises an exception inside it. A program that is
    started in the block receives signals as usual. On any thread but the main one this does
    nothing: Python runs signal handlers on the main thread only.
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


def run_beyond_signals(call: Callable[[], Result]) -> Result:
    """Return the result of ``call``, which runs to its end on a thread that no signal reaches.

    Python runs signal handlers on the main thread only, so ``call`` runs on another one. The
    exception that a handler raises meanwhile is raised here after ``call`` has ended; otherwise
    the exception of ``call`` itself is.
    """
    if threading.current_thread() is not threading.main_thread():
        return call()
    changed = threading.Condition()
    begun = ended = abandoned = False
    outcome: list[Result] = []
    failure: list[BaseException] = []
    interruption: BaseException | None = None

    def work() -> None:
        nonlocal begun, ended
        with changed:
            if abandoned:
                return
            begun = True
        try:
            outcome.append(call())
        except BaseException as error:  # raised again below, on the thread that waits
            failure.append(error)
        with changed:
            ended = True
            changed.notify_all()

    try:
        threading.Thread(target=work, name="imgadm-call", daemon=True).start()
    except BaseException as error:
        with changed:
            abandoned = not begun
        if abandoned:
            raise
        interruption = error
    while not ended:
        try:
            with changed:
                changed.wait_for(lambda: ended)
        except BaseException as error:
            interruption = error
    if interruption is not None:
        raise interruption
    if failure:
        raise failure[0]
    return outcome[0]
