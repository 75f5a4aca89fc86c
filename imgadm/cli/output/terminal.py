"""Text fit for a terminal, whoever wrote it."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import TextIO

from imgadm.base.text import printable

FULL_WIDTH = 80
_LEAST_WIDTH = 30


class PrintableWriter(TextIOWrapper):
    """A text stream as UTF-8 that shows nothing as what a terminal would obey.

    Whatever is printed goes through :func:`imgadm.base.text.printable`, so that nobody can
    forget it; lines and tabs stay. What is to control the terminal goes out by :meth:`control`.
    """

    def write(self, text: str) -> int:
        super().write(printable(text, keep="\n\t"))
        return len(text)

    def control(self, text: str) -> None:
        """Write ``text`` as it is: all of it that is not ours has to be printable already."""
        super().write(text)


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
    """Make stdout and stderr take any text as UTF-8, whatever the locale, and make it printable."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if type(stream) is TextIOWrapper:  # and no stream of somebody who only calls us
            stream.flush()
            setattr(sys, name, _printable_writer(stream))


def _printable_writer(stream: TextIOWrapper) -> PrintableWriter:
    """Return a stream in the place of ``stream``, which is of no use any more."""
    buffered_by_line, at_once = stream.line_buffering, stream.write_through
    return PrintableWriter(
        stream.detach(),
        encoding="utf-8",
        errors="backslashreplace",
        line_buffering=buffered_by_line,
        write_through=at_once,
    )


def write_control(stream: TextIO, text: str) -> None:
    """Write to a terminal what is to control it."""
    if isinstance(stream, PrintableWriter):
        stream.control(text)
    else:
        stream.write(text)
