"""Rules of the manifest format: their type, their context, and the violations they report."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken rule: ``code`` is ``Invalid`` or ``MissingParameter``; some have no ``message``."""

    field: str
    code: str
    message: str | None = None

    def as_dict(self) -> dict[str, str]:
        """Return the violation in the form of error bodies and :class:`ManifestValidationError`."""
        item = {"field": self.field, "code": self.code}
        return item if self.message is None else {**item, "message": self.message}


def invalid(field: str, message: str | None = None) -> Violation:
    """Return the violation of a ``field`` whose value is wrong."""
    return Violation(field, "Invalid", message)


def missing(field: str, message: str | None = None) -> Violation:
    """Return the violation of a ``field`` that the manifest lacks."""
    return Violation(field, "MissingParameter", message)


@dataclass(frozen=True, slots=True)
class RuleContext:
    """The context of a field: the whole manifest, and the settings of the check.

    ``mode`` is the name of the rule set. ``channels`` are the channels of the server that checks
    the manifest, ``None`` if it has none.
    """

    manifest: Mapping[str, Any]
    mode: str
    channels: Collection[str] | None = None


Rule = Callable[[str, Any, RuleContext], Iterator[Violation]]
"""A function that yields the violations of a field, given its name, value and context."""
