"""Replays a case: what is expected of ours, what came of it, and the difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from . import cases, log_records
from .cases import Case
from .differences import DIFFERENCES
from .outcome import Outcome, differences
from .rules import RULES
from .run import OURS, run
from .sources.server import Sources
from .terminal import left_on_screen


def expected(case: Case) -> Outcome:
    """The recorded outcome with every decision applied that changes it."""
    outcome = by_rules(case)
    if case.name not in DIFFERENCES:
        return outcome
    difference = DIFFERENCES[case.name]
    model = by_rules(cases.find(difference.like)) if difference.like else outcome
    return difference.apply(outcome, model)


def by_rules(case: Case) -> Outcome:
    """The recorded outcome with the decisions applied that hold for all cases."""
    outcome = case.recorded
    for rule in RULES:
        outcome = rule.change(case, outcome)
    return outcome


def replay(
    case: Case, directory: Path, sources: Sources, program: Sequence[str] = OURS
) -> list[str]:
    """The lines in which ours differs from what is expected; none if the case passes."""
    got = run(case, directory, sources, program)
    return differences(comparable(expected(case)), comparable(got))


def comparable(outcome: Outcome) -> Outcome:
    """The outcome without what no script reads: debug records, bars, the help in an editor."""
    outcome = log_records.comparable(outcome)
    text, shown = outcome.editor_text.partition("#")[0], left_on_screen(outcome.terminal)
    return replace(outcome, editor_text=text, terminal=shown)
