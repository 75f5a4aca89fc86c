"""Standard streams that cannot make a terminal do anything but show text."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import TextIO

from imgadm.base.text import printable

FULL_WIDTH = 80
"""The columns of a help text where the terminal has at least that many."""

_LEAST_WIDTH = 30


class PrintableWriter(TextIOWrapper):
    """A UTF-8 text stream that escapes control characters.

    All text passes through :func:`imgadm.base.text.printable`, so that no caller can forget it.
    Newlines and tabs stay. :meth:`control` writes control characters.
    """

    def write(self, text: str) -> int:
        super().write(printable(text, keep="\n\t"))
        return len(text)

    def control(self, text: str) -> None:
        """Write ``text`` as it is. The caller has made all foreign text in it printable."""
        super().write(text)


def help_width() -> int:
    """Return the columns that a help text may take: 80, or fewer on a narrower terminal."""
    if not sys.stdout.isatty():
        return FULL_WIDTH
    columns = os.get_terminal_size(sys.stdout.fileno()).columns
    return min(max(columns, _LEAST_WIDTH), FULL_WIDTH) if columns else FULL_WIDTH


def open_missing_streams() -> None:
    """Open ``/dev/null`` for each of stdin, stdout and stderr that the caller has closed.

    Otherwise the next opened files would get their numbers, and messages for the operator could be
    written into a disk.
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
    """Make stdout and stderr printable writers in UTF-8, whatever the locale."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if type(stream) is TextIOWrapper:  # not a stream that a calling program has put there
            stream.flush()
            setattr(sys, name, _printable_writer(stream))


def _printable_writer(stream: TextIOWrapper) -> PrintableWriter:
    """Return a printable writer that replaces ``stream``, which cannot be used afterwards."""
    buffered_by_line, at_once = stream.line_buffering, stream.write_through
    return PrintableWriter(
        stream.detach(),
        encoding="utf-8",
        errors="backslashreplace",
        line_buffering=buffered_by_line,
        write_through=at_once,
    )


def write_control(stream: TextIO, text: str) -> None:
    """Write ``text``, which may control the terminal, to ``stream``."""
    if isinstance(stream, PrintableWriter):
        stream.control(text)
    else:
        stream.write(text)
