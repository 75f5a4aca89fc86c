"""The outcome of a program that ended by itself, and checks of its output."""

from __future__ import annotations

from dataclasses import dataclass

from imgadm.base.errors import InternalError
from imgadm.base.text import excerpt

_SHOWN_OUTPUT = 4 << 10


@dataclass(frozen=True)
class Completed:
    """A program that ended by itself. A ``status`` below 0 is the number of a signal."""

    argv: tuple[str, ...]
    status: int
    stdout: str
    stderr: str

    @property
    def command(self) -> str:
        """The command line, in one text."""
        return " ".join(self.argv)

    def check(self, failure: str) -> Completed:
        """Return this outcome if the status is 0.

        Otherwise raises InternalError, whose message begins with ``failure``.
        """
        if self.status == 0:
            return self
        raise InternalError(
            f"{failure}:\n\tcommand: {self.command}\n\texit status: {self.status}"
            f"\n\tstdout:\n{end_of_output(self.stdout)}\n\tstderr:\n{end_of_output(self.stderr)}"
        )

    def lines(self) -> list[str]:
        """Return the lines of stdout.

        Only a newline ends a line, because names may contain any other character.
        """
        return self.stdout.removesuffix("\n").split("\n") if self.stdout else []

    def rows(self, width: int) -> list[list[str]]:
        """Return the lines of stdout, each split at its tabs.

        Raises InternalError if a line does not have ``width`` fields, or if its first field is
        empty. A caller that ignored such a line could destroy the dataset that it is about.
        """
        rows = [line.split("\t") for line in self.lines()]
        for row in rows:
            if len(row) != width or not row[0]:
                raise self.nonsense(f"lines of {width} fields", "\t".join(row))
        return rows

    def nonsense(self, wanted: str, got: str) -> InternalError:
        """Return the error that the program printed ``got`` where ``wanted`` was expected."""
        return InternalError(
            f'"{self.command}" should print {wanted}, and printed "{excerpt(got)}"'
        )


def end_of_output(text: str) -> str:
    """Return the last 4096 characters of what a program printed, as logs and errors show it."""
    text = text.strip()
    return text if len(text) <= _SHOWN_OUTPUT else f"...{text[-_SHOWN_OUTPUT:]}"
