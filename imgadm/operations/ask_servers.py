"""The same question to several servers: one after the other, or to all at once."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from imgadm.base.errors import ImgadmError, MultiError
from imgadm.client.errors import ClientError, SourceError

_SLOW_SECONDS = 3.0
"""The time, in seconds, that a server may take before the operator learns of it."""

_Item = TypeVar("_Item")
_Reply = TypeVar("_Reply")
_Server = TypeVar("_Server")


class LateError(ClientError):
    """A server did not answer in time."""


@dataclass(frozen=True)
class Inquiry(Generic[_Server, _Reply]):
    """The outcome of asking servers one after the other.

    ``hit`` is the first server that has an answer, with that answer; None if no server has one.
    ``failures`` are the errors of the servers that were asked before. ``rest`` are the servers
    after the hit, which were not asked.
    """

    hit: tuple[_Server, _Reply] | None
    failures: Sequence[SourceError]
    rest: Sequence[_Server] = ()

    def required(
        self,
        missing: ImgadmError,
        *,
        on_failure: Callable[[SourceError], None],
        shape: Callable[[SourceError], ImgadmError] = lambda failure: failure.bare(),
    ) -> tuple[_Server, _Reply]:
        """Return the hit, after passing each failure to ``on_failure``.

        Without a hit, raise the failures, or ``missing`` if all servers have answered. ``shape``
        turns each failure into the error that the command shows.
        """
        if self.hit is not None:
            for failure in self.failures:
                on_failure(failure)
            return self.hit
        if self.failures:
            raise combined([shape(failure) for failure in self.failures])
        raise missing


def ask_in_order(
    ask: Callable[[_Server], _Reply | None], servers: Sequence[_Server]
) -> Inquiry[_Server, _Reply]:
    """Ask ``servers`` in their order, up to the first one for which ``ask`` returns an answer.

    ``ask`` returns None for a server that does not have what is wanted. A SourceError that it
    raises is kept, and the next server is asked.
    """
    failures: list[SourceError] = []
    for position, server in enumerate(servers):
        try:
            answer = ask(server)
        except SourceError as error:
            failures.append(error)
            continue
        if answer is not None:
            return Inquiry((server, answer), failures, servers[position + 1 :])
    return Inquiry(None, failures)


def ask_all(
    ask: Callable[[_Item], _Reply],
    items: Sequence[_Item],
    *,
    on_slow: Callable[[_Item], None] | None = None,
    seconds: float | None = None,
) -> list[_Reply | ImgadmError]:
    """Return the answer, or the error, for each of ``items``, in their order.

    ``ask`` is called for all items at once, each on a daemon thread of its own. ``on_slow`` gets
    each item without an answer after three seconds. After ``seconds`` an item without an answer
    gets a LateError: some steps of a request, such as the look-up of the name of the server, have
    no time limit of their own. An exception of ``ask`` that is not an ImgadmError is raised again.
    """
    began = time.monotonic()
    questions = [_Question(ask, item) for item in items]
    if on_slow is not None and (seconds is None or seconds > _SLOW_SECONDS):
        for question in questions:
            if not question.has_ended(by=began + _SLOW_SECONDS):
                on_slow(question.item)
    late = LateError(f"no answer after {seconds or 0:g} seconds")
    deadline = None if seconds is None else began + seconds
    return [
        question.outcome() if question.has_ended(by=deadline) else late for question in questions
    ]


def ask_ahead(
    ask: Callable[[_Item], _Reply], items: Iterable[_Item], *, at_once: int
) -> Iterator[_Reply | ImgadmError]:
    """Yield the answer, or the error, for each of ``items``, in their order.

    ``ask`` is called for at most ``at_once`` items at the same time.
    """
    begun: deque[_Question[_Item, _Reply]] = deque()
    for item in items:
        if len(begun) == at_once:
            yield begun.popleft().outcome()
        begun.append(_Question(ask, item))
    while begun:
        yield begun.popleft().outcome()


def combined(errors: Sequence[ImgadmError]) -> ImgadmError:
    """Return the only error, or one MultiError that has the messages of several."""
    return errors[0] if len(errors) == 1 else MultiError(errors)


class _Question(Generic[_Item, _Reply]):
    """One item, and the thread that asks for it."""

    def __init__(self, ask: Callable[[_Item], _Reply], item: _Item) -> None:
        self.item = item
        self._outcomes: list[_Reply | BaseException] = []
        self._thread = threading.Thread(target=self._run, args=(ask,), daemon=True)
        self._thread.start()

    def _run(self, ask: Callable[[_Item], _Reply]) -> None:
        try:
            self._outcomes.append(ask(self.item))
        except BaseException as error:
            self._outcomes.append(error)

    def has_ended(self, *, by: float | None) -> bool:
        """Wait until the clock shows ``by``, or for ever; tell whether the thread has ended."""
        self._thread.join(None if by is None else max(0.0, by - time.monotonic()))
        return not self._thread.is_alive()

    def outcome(self) -> _Reply | ImgadmError:
        """Wait for the answer or the error, and return it; raise any other exception."""
        self._thread.join()
        (outcome,) = self._outcomes
        if isinstance(outcome, BaseException) and not isinstance(outcome, ImgadmError):
            raise outcome
        return outcome
