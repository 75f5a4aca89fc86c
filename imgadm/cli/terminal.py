"""Text fit for a terminal, whoever wrote it."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper

FULL_WIDTH = 80
_LEAST_WIDTH = 30


def printable(text: str, *, keep: str = "") -> str:
    """Return ``text`` with control characters, other than those to ``keep``, as escapes.

    A terminal obeys control characters, and names and messages come from servers.
    """
    if text.isprintable():
        return text
    return "".join(
        _escaped(character) if _is_control(character) and character not in keep else character
        for character in text
    )


def help_width() -> int:
    """How many columns a help text may take: 80, or those of a terminal that has fewer."""
    if not sys.stdout.isatty():
        return FULL_WIDTH
    columns = os.get_terminal_size(sys.stdout.fileno()).columns
    return min(max(columns, _LEAST_WIDTH), FULL_WIDTH) if columns else FULL_WIDTH


def open_missing_streams() -> None:
    """Lead those of stdin, stdout and stderr that our caller has closed to nowhere.

    Their numbers would go to the next files that we open, and what was meant for the operator into
    a disk.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            os.set_inheritable(number, True)
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))


def encode_everything() -> None:
    """Make stdout and stderr take any text as UTF-8, whatever the locale."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _is_control(character: str) -> bool:
    return character < " " or "\x7f" <= character < "\xa0"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
