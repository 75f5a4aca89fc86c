"""Differences that are decisions: each rule turns a recorded outcome into the one that we want.

Rules hold for all cases at once; what is peculiar to one case is in differences.py. All of them are
applied, in the order in which they stand here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from . import tables
from .cases import Case
from .outcome import Outcome

Change = Callable[[Case, Outcome], Outcome]

USAGE_ERROR = re.compile(r"error \((?:Usage|Option|UnknownCommand)\): ")
USAGE_RECORD = re.compile(r'"code":"(?:Usage|Option|UnknownCommand)"')
REPEATED_CAUSE = re.compile(r"; caused by [^\n]*(?:\n    [^\n]*)*")
RECORDED_TIME = re.compile(r"2026-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z")


@dataclass(frozen=True)
class Rule:
    """``why`` is the decision in words, ``change`` what it does to a recorded outcome."""

    why: str
    change: Change


RULES: list[Rule] = []


def rule(why: str) -> Callable[[Change], Change]:
    def register(change: Change) -> Change:
        RULES.append(Rule(why, change))
        return change

    return register


@rule("a time of the run itself is another one in every run")
def name_times_of_the_run(case: Case, outcome: Outcome) -> Outcome:
    state = {
        key: RECORDED_TIME.sub("$NOW", content) if isinstance(content, str) else content
        for key, content in outcome.state.items()
    }
    return replace(outcome, state=state)


@rule("usage errors exit with 2, as the manual page promises")
def usage_errors_exit_2(case: Case, outcome: Outcome) -> Outcome:
    usage = USAGE_ERROR.search(outcome.stderr) or USAGE_RECORD.search(outcome.stderr)
    return replace(outcome, exit="2") if usage else outcome


@rule("list and avail show uuid, name, version, os, published, as the manual page says")
def default_columns(case: Case, outcome: Outcome) -> Outcome:
    other_form = any(word.startswith(("-o", "-j", "-Hj", "--json")) for word in case.argv)
    if case.command not in ("list", "avail") or other_form or not outcome.stdout:
        return outcome
    return replace(outcome, stdout=tables.with_our_columns(outcome.stdout, case))


@rule("images are received in one pass: no downloads directory is read, written or cleared")
def no_downloads(case: Case, outcome: Outcome) -> Outcome:
    state = {key: value for key, value in outcome.state.items() if "downloads" not in key[0]}
    return replace(outcome, state=state)


@rule("a failed import or install leaves no record behind")
def no_record_of_failures(case: Case, outcome: Outcome) -> Outcome:
    if case.command not in ("import", "install") or outcome.exit == "0":
        return outcome
    state = {key: value for key, value in outcome.state.items() if key[0] != "var_imgadm added"}
    return replace(outcome, state=state)


@rule("a check of the sources tells the cause of a failure once")
def cause_of_a_failed_check_once(case: Case, outcome: Outcome) -> Outcome:
    if case.command != "sources":
        return outcome
    return replace(outcome, stdout=REPEATED_CAUSE.sub("", outcome.stdout))
