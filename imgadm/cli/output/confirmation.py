"""A yes-or-no question to the operator at the terminal."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from imgadm.base.errors import UsageError
from imgadm.base.text import printable

_ANSWERS = {"": False, "n": False, "no": False, "y": True, "yes": True}
_LONGEST_LINE = 4096


class NoTerminalError(UsageError):
    """There is no terminal, so imgadm cannot ask the operator."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(
            "cannot ask whether to go on: there is no terminal; use -f to go on without being "
            "asked, or -n to only see what would be done",
            cause=cause,
        )


def confirm(question: str) -> bool:
    """Ask ``question`` until the answer is yes or no, and tell whether it is yes.

    An empty answer, Ctrl-D and Ctrl-C mean no. Standard input and output are used if they are
    terminals; the controlling terminal takes the place of the one that is not. Raises
    NoTerminalError.
    """
    sys.stdout.flush()
    try:
        with _terminal() as (keyboard, screen):
            return _ask(f"{question} [y/N] ", keyboard, screen)
    except OSError as error:
        raise NoTerminalError(error) from error


@contextlib.contextmanager
def _terminal() -> Iterator[tuple[int, int]]:
    """Yield the descriptors to read from and to write to. Raises OSError without a terminal."""
    keyboard, screen = sys.stdin.fileno(), sys.stdout.fileno()
    if os.isatty(keyboard) and os.isatty(screen):
        yield keyboard, screen
        return
    controlling = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC)
    try:
        yield (
            keyboard if os.isatty(keyboard) else controlling,
            screen if os.isatty(screen) else controlling,
        )
    finally:
        os.close(controlling)


def _ask(prompt: str, keyboard: int, screen: int) -> bool:
    while True:
        os.write(screen, printable(prompt, keep="\n").encode("utf-8", "backslashreplace"))
        try:
            # A terminal returns one line in one read, after the operator has edited it.
            line = os.read(keyboard, _LONGEST_LINE)
        except KeyboardInterrupt as interrupt:
            if interrupt.args:
                raise  # a signal that ends the run, not Ctrl-C
            line = b""
        if not line.endswith(b"\n"):
            os.write(screen, b"\n")  # Ctrl-C and Ctrl-D leave the cursor in the line
        answer = _ANSWERS.get(line.decode(errors="replace").strip().lower())
        if answer is not None:
            return answer
        os.write(screen, b'Please enter "y", "yes", "n" or "no".\n')
