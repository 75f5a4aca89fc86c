"""Log records on stderr, without what varies from run to run or from program to program."""

from __future__ import annotations

import json
from dataclasses import replace

from .outcome import Outcome

VARYING = ("pid", "time", "src")
STACK_FRAME = "    at "
GIVEN_REQUEST_ID = "11111111-2222-4333-8444-555555555555"
WARNING = 40


def comparable(outcome: Outcome) -> Outcome:
    """The outcome with its log records brought into one form.

    Records under the level of a warning are left out: they tell of the inner life of a program.
    So are stacks.
    """
    lines = [_comparable_line(line) for line in outcome.stderr.split("\n")]
    return replace(outcome, stderr="\n".join(line for line in lines if line is not None))


def _comparable_line(line: str) -> str | None:
    if line.startswith(STACK_FRAME):
        return None
    if not line.startswith('{"name":'):
        return line
    record = json.loads(line)
    if record["level"] < WARNING:
        return None
    for name in VARYING:
        record.pop(name, None)
    if record["req_id"] != GIVEN_REQUEST_ID:
        del record["req_id"]
    record.get("err", {}).pop("stack", None)
    return json.dumps(record, sort_keys=True)
