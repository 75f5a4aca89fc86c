"""Replays a case: what is expected of ours, what came of it, and the difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from . import log_records
from .cases import Case
from .differences import DIFFERENCES
from .outcome import Outcome, differences
from .rules import RULES
from .run import OURS, run
from .sources.server import Sources


def expected(case: Case) -> Outcome:
    """The recorded outcome with every decision applied that changes it."""
    outcome = case.recorded
    for rule in RULES:
        outcome = rule.change(case, outcome)
    if case.name in DIFFERENCES:
        outcome = DIFFERENCES[case.name].apply(outcome)
    return outcome


def replay(
    case: Case, directory: Path, sources: Sources, program: Sequence[str] = OURS
) -> list[str]:
    """The lines in which ours differs from what is expected; none if the case passes."""
    got = run(case, directory, sources, program)
    return differences(comparable(expected(case)), comparable(got))


def comparable(outcome: Outcome) -> Outcome:
    """The outcome without what no script reads: debug records, the editor's help for people."""
    outcome = log_records.comparable(outcome)
    return replace(outcome, editor_text=outcome.editor_text.partition("#")[0])
