"""The page "Coming from SmartOS imgadm", made of the decisions: ``python -m tests.golden.page``."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from . import cases
from .decisions import DECISIONS, TOPICS, Decision

_WIDTH = 100

_INTRODUCTION = """\
imgadm takes the place of the imgadm that comes with SmartOS. Commands, options, standard output,
error codes and the configuration file are the same, except for the differences below. On zpools,
imgadm uses the records of images that SmartOS imgadm has written under `/var/imgadm`, and writes
them in the same form. Both lock images in the same way, so that both may be in use on one host.

A test replays {count} recorded runs of SmartOS imgadm 3.9.5. Every difference that the test allows
is on this page, with its reason. An entry without *What to do* needs no change of yours."""


def page() -> str:
    """Return the page as Markdown."""
    lines = [
        "<!-- Made by python -m tests.golden.page from tests/golden/decisions.py. -->",
        "",
        "# Coming from SmartOS imgadm",
        "",
        _INTRODUCTION.format(count=len(cases.load())),
    ]
    for topic in TOPICS:
        lines += ["", f"## {topic}", ""]
        for decision in DECISIONS:
            if decision.topic == topic:
                lines += _item(decision)
    return "\n".join(lines) + "\n"


def _item(decision: Decision) -> Iterator[str]:
    action = f" *What to do:* {decision.action}" if decision.action else ""
    yield from textwrap.wrap(
        f"{decision.differs} {decision.why}{action}",
        _WIDTH,
        initial_indent="- ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


if __name__ == "__main__":
    print(page(), end="")
