"""Calls that block beyond anybody's reach, made so that a pipeline can leave them behind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol, TypeVar

from imgadm.streams.cancellation import CancelToken
from imgadm.streams.errors import Cancelled


class _Closable(Protocol):
    def close(self) -> None: ...


Result = TypeVar("Result", bound=_Closable)


def interruptible(call: Callable[[], Result], cancel: CancelToken) -> Result:
    """The result of ``call``, or Cancelled as soon as the pipeline ends.

    Resolving a name and connecting can't be interrupted from another thread. A call left behind
    ends by its own time-out, and what it brings then is closed.
    """
    outcome: list[Result | BaseException] = []
    changed = threading.Condition()

    def work() -> None:
        result: Result | BaseException
        try:
            result = call()
        except BaseException as error:  # raised again below, on the thread that waits
            result = error
        with changed:
            outcome.append(result)
            changed.notify_all()
            if cancel.cancelled and not isinstance(result, BaseException):
                result.close()

    def wake() -> None:
        with changed:
            changed.notify_all()

    forget = cancel.on_cancel(wake)
    try:
        threading.Thread(target=work, name="imgadm-call", daemon=True).start()
        with changed:
            changed.wait_for(lambda: bool(outcome) or cancel.cancelled)
            if cancel.cancelled:
                raise Cancelled
    finally:
        forget()
    result = outcome[0]
    if isinstance(result, BaseException):
        raise result
    return result
