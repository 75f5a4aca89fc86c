"""What a rule of the manifest format is, what it may look at, and what it reports."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Violation:
    """``code`` is ``Invalid`` or ``MissingParameter``; some rules have no message."""

    field: str
    code: str
    message: str | None = None

    def as_dict(self) -> dict[str, str]:
        """Return the form of error bodies and of :class:`ManifestValidationError`."""
        item = {"field": self.field, "code": self.code}
        return item if self.message is None else {**item, "message": self.message}


def invalid(field: str, message: str | None = None) -> Violation:
    """Return the violation of a field that is there and wrong."""
    return Violation(field, "Invalid", message)


def missing(field: str, message: str | None = None) -> Violation:
    """Return the violation of a field that is not there."""
    return Violation(field, "MissingParameter", message)


@dataclass(frozen=True, slots=True)
class RuleContext:
    """What a rule may look at beside its field.

    ``mode`` is the name of the rule set; ``channels`` are those of the server that asks, ``None``
    where it has none.
    """

    manifest: Mapping[str, Any]
    mode: str
    channels: Collection[str] | None = None


Rule = Callable[[str, Any, RuleContext], Iterator[Violation]]
