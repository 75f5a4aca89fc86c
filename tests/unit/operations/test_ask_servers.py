"""The same question to many: who is slow, who is late, and who fails."""

from __future__ import annotations

import threading

import pytest

from imgadm.base.errors import ImgadmError, InternalError
from imgadm.operations import ask_servers as module
from imgadm.operations.ask_servers import LateError, ask_all


def test_answers_come_in_the_order_of_the_questions() -> None:
    second_is_done = threading.Event()

    def ask(item: int) -> int:
        if item == 1:
            second_is_done.wait(20)
        else:
            second_is_done.set()
        return item * 10

    assert ask_all(ask, [1, 2]) == [10, 20]


def test_an_error_is_an_answer_and_a_bug_is_none() -> None:
    error = InternalError("no")

    def fail(kind: Exception) -> None:
        raise kind

    assert ask_all(fail, [error]) == [error]
    with pytest.raises(KeyError):
        ask_all(fail, [error, KeyError("x")])


def test_who_is_slow_is_told_and_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SLOW_SECONDS", 0.05)
    told = threading.Event()
    slow: list[str] = []

    def ask(item: str) -> str:
        if item == "slow":
            told.wait(20)
        return item.upper()

    def on_slow(item: str) -> None:
        slow.append(item)
        told.set()

    assert ask_all(ask, ["quick", "slow"], on_slow=on_slow) == ["QUICK", "SLOW"]
    assert slow == ["slow"]


def test_who_is_late_is_left_behind() -> None:
    never = threading.Event()

    def ask(item: str) -> str:
        if item == "late":
            never.wait(60)
        return item.upper()

    answers: list[str | ImgadmError] = ask_all(
        ask, ["late", "quick"], on_slow=pytest.fail, seconds=0.2
    )
    never.set()
    assert answers[1] == "QUICK"
    assert isinstance(answers[0], LateError)
    assert answers[0].message == "no answer after 0.2 seconds"
