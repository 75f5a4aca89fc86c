"""The same question to several servers at once."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, TypeVar

from imgadm.base.errors import ImgadmError, MultiError
from imgadm.client.errors import ClientError

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
    began = time.monotonic()
    questions = [_Question(ask, item) for item in items]
    if on_slow is not None and (seconds is None or seconds > SLOW_SECONDS):
        for question in questions:
            if not question.has_ended(by=began + SLOW_SECONDS):
                on_slow(question.item)
    late = LateError(f"no answer after {seconds or 0:g} seconds")
    deadline = None if seconds is None else began + seconds
    return [
        question.outcome() if question.has_ended(by=deadline) else late for question in questions
    ]


def ask_ahead(
    ask: Callable[[Item], Answer], items: Iterable[Item], *, at_once: int
) -> Iterator[Answer | ImgadmError]:
    """Yield what :func:`in_parallel` returns, while at most ``at_once`` of them are asked."""
    begun: deque[_Question[Item, Answer]] = deque()
    for item in items:
        if len(begun) == at_once:
            yield begun.popleft().outcome()
        begun.append(_Question(ask, item))
    while begun:
        yield begun.popleft().outcome()


class _Question(Generic[Item, Answer]):
    """One item, being asked on a thread of its own."""

    def __init__(self, ask: Callable[[Item], Answer], item: Item) -> None:
        self.item = item
        self._outcomes: list[Answer | BaseException] = []
        self._thread = threading.Thread(target=self._run, args=(ask,), daemon=True)
        self._thread.start()

    def _run(self, ask: Callable[[Item], Answer]) -> None:
        try:
            self._outcomes.append(ask(self.item))
        except BaseException as error:
            self._outcomes.append(error)

    def has_ended(self, *, by: float | None) -> bool:
        """Wait for the end, but not longer than the monotonic clock shows ``by``."""
        self._thread.join(None if by is None else max(0.0, by - time.monotonic()))
        return not self._thread.is_alive()

    def outcome(self) -> Answer | ImgadmError:
        """Wait for the answer or the error."""
        self._thread.join()
        (outcome,) = self._outcomes
        if isinstance(outcome, BaseException) and not isinstance(outcome, ImgadmError):
            raise outcome
        return outcome


def combined(errors: Sequence[ImgadmError]) -> ImgadmError:
    """Return the one error, or one that tells of them all."""
    return errors[0] if len(errors) == 1 else MultiError(errors)
