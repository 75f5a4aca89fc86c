"""The same question to several servers at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from imgadm.errors import ClientError, ImgadmError, MultiError

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def _late(_: object) -> ImgadmError:
    return ClientError("no answer in time")


def in_parallel(
    ask: Callable[[Item], Answer],
    items: Sequence[Item],
    *,
    seconds: float | None = None,
    late: Callable[[Item], ImgadmError] = _late,
) -> list[Answer | ImgadmError]:
    """Return the answer, or the error, for each of ``items``, in their order.

    Each is asked on a thread of its own, which does not keep the process from ending. After
    ``seconds`` those without an answer are left behind, with the error that ``late`` makes: not all
    that a server can be slow in has a time limit of its own, the look-up of its name for one. Any
    other exception than ImgadmError is raised again.
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
    for thread in threads:
        thread.start()
    deadline = None if seconds is None else time.monotonic() + seconds
    for thread in threads:
        thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
    return [
        _checked(outcomes[index]) if index in outcomes else late(item)
        for index, item in enumerate(items)
    ]


def combined(errors: Sequence[ImgadmError]) -> ImgadmError:
    """Return the one error, or one that tells of them all."""
    return errors[0] if len(errors) == 1 else MultiError(errors)


def _checked(outcome: Answer | BaseException) -> Answer | ImgadmError:
    if isinstance(outcome, BaseException) and not isinstance(outcome, ImgadmError):
        raise outcome
    return outcome
