"""Differences of single cases, each with the reason for it and what we have instead.

A text given here replaces the recorded one whole. ``state`` is laid over the recorded changes; None
as the content of a key takes the change away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .outcome import Outcome

PARTS = ("exit", "stdout", "stderr", "terminal", "editor_text", "requests")


@dataclass(frozen=True)
class Difference:
    """Why ours differs from the recorded run, and the parts of the outcome that differ."""

    why: str
    exit: str | None = None
    stdout: str | None = None
    stderr: str | None = None
    terminal: str | None = None
    editor_text: str | None = None
    requests: frozenset[str] | None = None
    state: Mapping[tuple[str, str], Any] = field(default_factory=dict)

    def apply(self, recorded: Outcome) -> Outcome:
        """The outcome that we want. AssertionError if a part of this entry is no difference."""
        parts = {name: getattr(self, name) for name in PARTS if getattr(self, name) is not None}
        for name, value in parts.items():
            self._check(name, value != getattr(recorded, name))
        for key, content in self.state.items():
            self._check(" ".join(key), content != recorded.state.get(key))
        self._check("an empty entry", bool(parts or self.state))
        state = {**recorded.state, **self.state}
        wanted = {key: content for key, content in state.items() if not self._takes_away(key)}
        return replace(recorded, **parts, state=wanted)

    def _takes_away(self, key: tuple[str, str]) -> bool:
        return key in self.state and self.state[key] is None

    def _check(self, part: str, differs: bool) -> None:
        if not differs:
            raise AssertionError(f"{part} is no difference: {self.why}")


DIFFERENCES: dict[str, Difference] = {}
