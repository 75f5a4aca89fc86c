"""Questions to servers, several at once."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from queue import SimpleQueue
from typing import TypeVar

from imgadm.errors import ImgadmError, MultiError

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def in_parallel(ask: Callable[[Item], Answer], items: Sequence[Item]) -> list[Answer | ImgadmError]:
    """Return the answer, or the error, for each of ``items``, in their order.

    Each is asked on a thread of its own, which does not keep the process from ending. Any other
    exception than ImgadmError is raised again.
    """
    return list(ask_ahead(ask, items, at_once=len(items)))


def ask_ahead(
    ask: Callable[[Item], Answer], items: Iterable[Item], *, at_once: int
) -> Iterator[Answer | ImgadmError]:
    """Yield what :func:`in_parallel` returns, while at most ``at_once`` of them are asked."""
    begun: deque[SimpleQueue[Answer | BaseException]] = deque()
    for item in items:
        if len(begun) == at_once:
            yield _checked(begun.popleft().get())
        begun.append(_begin(ask, item))
    while begun:
        yield _checked(begun.popleft().get())


def _begin(ask: Callable[[Item], Answer], item: Item) -> SimpleQueue[Answer | BaseException]:
    """Ask one; the outcome comes out of the queue."""
    outcome: SimpleQueue[Answer | BaseException] = SimpleQueue()

    def run() -> None:
        try:
            outcome.put(ask(item))
        except BaseException as error:
            outcome.put(error)

    threading.Thread(target=run, daemon=True).start()
    return outcome


def combined(errors: Sequence[ImgadmError]) -> ImgadmError:
    """Return the one error, or one that tells of them all."""
    return errors[0] if len(errors) == 1 else MultiError(errors)


def _checked(outcome: Answer | BaseException) -> Answer | ImgadmError:
    if isinstance(outcome, BaseException) and not isinstance(outcome, ImgadmError):
        raise outcome
    return outcome
