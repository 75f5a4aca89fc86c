"""Text fit for a terminal, whoever wrote it."""

from __future__ import annotations

import sys
from io import TextIOWrapper


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


def encode_everything() -> None:
    """Make stdout and stderr take any text as UTF-8, whatever the locale."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _is_control(character: str) -> bool:
    return character < " " or "\x7f" <= character < "\xa0"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
