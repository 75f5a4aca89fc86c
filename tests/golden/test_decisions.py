"""Rules and differences: each says something that a recorded run needs, and nothing more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from . import cases
from .decisions import DECISIONS, Decision
from .differences import DIFFERENCES, Difference
from .outcome import Outcome
from .replay import expected
from .rules import RULES, Rule


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.change.__name__)
def test_a_rule_changes_a_recorded_outcome(rule: Rule) -> None:
    assert any(rule.change(case, case.recorded) != case.recorded for case in cases.load())


def test_differences_are_those_of_recorded_cases() -> None:
    assert DIFFERENCES.keys() <= {case.name for case in cases.load()}


def test_every_decision_is_taken_somewhere() -> None:
    taken = [entry.decision for entry in (*RULES, *DIFFERENCES.values())]
    assert [decision for decision in DECISIONS if decision not in taken] == []


def test_differences_differ() -> None:
    for case in cases.load():
        expected(case)


MEANT = Decision("topic", "Ours differs.", "There is a reason.")
RECORDED = Outcome(exit="1", stderr="old\n", state={("var_imgadm added", "/a"): "text"})


def test_a_difference_replaces_what_it_names() -> None:
    difference = Difference(MEANT, stderr="new\n", state={("var_imgadm added", "/a"): None})
    assert difference.apply(RECORDED) == replace(RECORDED, stderr="new\n", state={})


def test_a_difference_starts_from_the_case_that_it_is_like() -> None:
    model = Outcome(exit="0", stdout="done\n")
    difference = Difference(MEANT, like="other/case", stderr="warning\n")
    assert difference.apply(RECORDED, model) == replace(model, stderr="warning\n")


def test_a_case_that_is_as_the_one_it_is_like_is_refused() -> None:
    with pytest.raises(AssertionError, match="is no difference"):
        Difference(MEANT, like="other/case").apply(RECORDED, RECORDED)


@pytest.mark.parametrize(
    "stale",
    [
        Difference(MEANT, exit="1"),
        Difference(MEANT, stderr="old\n"),
        Difference(MEANT, state={("var_imgadm added", "/a"): "text"}),
        Difference(MEANT, state={("var_imgadm removed", "/b"): None}),
        Difference(MEANT),
    ],
)
def test_a_difference_that_is_none_is_refused(stale: Difference) -> None:
    with pytest.raises(AssertionError, match="is no difference"):
        stale.apply(RECORDED)
