"""What came of a run, in a form that compares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import unified_diff
from typing import Any

StateChange = dict[tuple[str, str], Any]


@dataclass(frozen=True)
class Outcome:
    """Exit status (a signal by its name), texts, state and requests of a run.

    ``state`` maps ``("AREA added" | "AREA changed" | "AREA removed", PATH)`` to the new content:
    text or a JSON value, and empty for what was removed. ``requests`` are ``METHOD URL`` lines.
    """

    exit: str
    stdout: str = ""
    stderr: str = ""
    terminal: str = ""
    state: StateChange = field(default_factory=dict)
    requests: frozenset[str] = frozenset()
    editor_text: str = ""

    def lines(self) -> Iterator[str]:
        """The whole outcome as text, one fact a line."""
        yield f"exit {self.exit}"
        for name in ("stdout", "stderr", "terminal", "editor_text"):
            text: str = getattr(self, name)
            yield from (f"{name}: {line}" for line in text.split("\n") if text)
        for (what, path), content in sorted(self.state.items()):
            yield f"{what}: {path}"
            if content:
                yield from (f"    {line}" for line in str(content).split("\n"))
        yield from (f"request: {line}" for line in sorted(self.requests))


def differences(expected: Outcome, got: Outcome) -> list[str]:
    """A unified diff, empty if the two are the same."""
    return list(unified_diff([*expected.lines()], [*got.lines()], "expected", "ours", lineterm=""))
