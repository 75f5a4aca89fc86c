"""The same question to several servers at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from imgadm.errors import ClientError, ImgadmError, MultiError

SLOW_SECONDS = 3.0
"""How long nobody is told that an answer is waited for."""

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class LateError(ClientError):
    """No answer came in time."""


def in_parallel(
    ask: Callable[[Item], Answer],
    items: Sequence[Item],
    *,
    on_slow: Callable[[Item], None] | None = None,
    seconds: float | None = None,
) -> list[Answer | ImgadmError]:
    """Return the answer, or the error, for each of ``items``, in their order.

    Each is asked on a thread of its own, which does not keep the process from ending. ``on_slow``
    hears of those that have not answered after :data:`SLOW_SECONDS`. After ``seconds`` they are
    left behind, with a LateError: not all that a server can be slow in has a time limit of its own,
    the look-up of its name for one. Any other exception than ImgadmError is raised again.
    """
    outcomes: dict[int, Answer | BaseException] = {}

    def ask_one(index: int, item: Item) -> None:
        try:
            outcomes[index] = ask(item)
        except BaseException as error:
            outcomes[index] = error

    threads = [
        threading.Thread(target=ask_one, args=(index, item), daemon=True)
        for index, item in enumerate(items)
    ]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    if on_slow is not None and (seconds is None or seconds > SLOW_SECONDS):
        _join(threads, until=began + SLOW_SECONDS)
        for index, item in enumerate(items):
            if index not in outcomes:
                on_slow(item)
    _join(threads, until=None if seconds is None else began + seconds)
    late = LateError(f"no answer after {seconds or 0:g} seconds")
    return [_checked(outcomes.get(index, late)) for index in range(len(items))]


def _join(threads: Sequence[threading.Thread], *, until: float | None) -> None:
    for thread in threads:
        thread.join(None if until is None else max(0.0, until - time.monotonic()))


def combined(errors: Sequence[ImgadmError]) -> ImgadmError:
    """Return the one error, or one that tells of them all."""
    return errors[0] if len(errors) == 1 else MultiError(errors)


def _checked(outcome: Answer | BaseException) -> Answer | ImgadmError:
    if isinstance(outcome, BaseException) and not isinstance(outcome, ImgadmError):
        raise outcome
    return outcome
