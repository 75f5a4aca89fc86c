"""How a failed run ends: one line on stderr, and an exit status."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from imgadm.cli.terminal import printable
from imgadm.errors import (
    ImgadmError,
    InternalError,
    NoCommandError,
    OptionError,
    UnknownCommandError,
)
from imgadm.logs import DEBUG, ERROR, Log, write_line

if TYPE_CHECKING:
    from collections.abc import Sequence


class InterruptError(ImgadmError):
    """A signal asked this process to end; the exit status is what a shell makes of the signal."""

    code = "Interrupted"

    def __init__(self, signal_number: int) -> None:
        super().__init__("interrupted")
        self.exit_status = 128 + signal_number


class BugError(InternalError):
    """An exception that nobody foresaw."""

    def __init__(self, error: BaseException) -> None:
        kind = type(error).__name__
        super().__init__(
            f"unexpected {kind}: {error}: this is a bug in imgadm; "
            'please report it with what "imgadm -v ..." prints for the same command',
            cause=error,
        )


def wants_structured_errors(words: Sequence[str]) -> bool:
    """Tell whether ``-E`` is among the global options, also if the others make no sense."""
    for word in words:
        if word in {"-", "--"} or not word.startswith("-"):
            return False
        if not word.startswith("--") and "E" in word:
            return True
    return False


def report_failure(error: ImgadmError, *, command: str | None, structured: bool, log: Log) -> int:
    """Write the error as the operator asked for it and return the exit status."""
    if structured:
        record = {"err": _error_record(error)}
        write_line(log.line(ERROR, error.message, record))
    elif not error.told:
        name = f"imgadm {command}" if command else "imgadm"
        code = f" ({error.code})" if error.code else ""
        text = _stack(error) if log.level <= DEBUG else error.message
        write_line(printable(f"{name}: error{code}: {text}", keep="\n\t"))
    sys.stderr.flush()
    return error.exit_status


def _error_record(error: ImgadmError) -> dict[str, Any]:
    """Return ``err`` of a record; its keys and names are those that scripts have always got."""
    own_name = isinstance(error, (OptionError, UnknownCommandError, NoCommandError))
    record: dict[str, Any] = {
        "message": error.message,
        "name": type(error).__name__ if own_name else "WError",
        "stack": _stack(error),
    }
    if error.code:
        record["code"] = error.code
    return record


def _stack(error: ImgadmError) -> str:
    """Return class, message, cause, and the frames, each indented."""
    import traceback

    text = f"{type(error).__name__}: {error.message}"
    cause = error.cause or error.__cause__
    if cause is not None:
        text += f"; caused by {type(cause).__name__}: {cause}"
    frames = traceback.extract_tb(error.__traceback__)
    if cause is not None:
        frames += traceback.extract_tb(cause.__traceback__)
    lines = [f"    at {frame.name} ({frame.filename}:{frame.lineno})" for frame in reversed(frames)]
    return "\n".join([text, *lines])
