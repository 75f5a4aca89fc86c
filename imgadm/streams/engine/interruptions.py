"""Blocking calls that a pipeline can leave behind when it is cancelled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from imgadm._native import Cancelled
from imgadm.streams.engine.cancellation import CancelToken

_Result = TypeVar("_Result")


def interruptible(
    call: Callable[[], _Result],
    cancel: CancelToken | None,
    *,
    discard: Callable[[_Result], None],
    seconds: float | None = None,
) -> _Result:
    """Return the result of ``call``, or raise Cancelled as soon as the pipeline ends.

    No other thread can interrupt a call that resolves a name or makes a connection. Therefore
    ``call`` runs on a thread that this function leaves behind on cancellation, and after
    ``seconds``, when it raises TimeoutError. ``discard`` gets the result of a call left behind.
    Otherwise this function raises the exception of ``call``.
    """
    outcome: list[_Result] = []
    failure: list[BaseException] = []
    changed = threading.Condition()
    left_behind = False

    def work() -> None:
        try:
            result = call()
        except BaseException as error:  # raised again below, on the thread that waits
            with changed:
                failure.append(error)
                changed.notify_all()
            return
        with changed:
            if not left_behind:
                outcome.append(result)
                changed.notify_all()
                return
        discard(result)

    def wake() -> None:
        with changed:
            changed.notify_all()

    def cancelled() -> bool:
        return cancel is not None and cancel.cancelled

    forget = cancel.on_cancel(wake) if cancel is not None else lambda: None
    try:
        threading.Thread(target=work, name="imgadm-call", daemon=True).start()
        with changed:
            changed.wait_for(lambda: bool(outcome or failure or cancelled()), seconds)
            left_behind = True
    finally:
        forget()
    if cancelled():
        for result in outcome:
            discard(result)
        raise Cancelled
    if failure:
        raise failure[0]
    if not outcome:
        raise TimeoutError(f"it takes longer than {seconds:g} seconds")
    return outcome[0]
