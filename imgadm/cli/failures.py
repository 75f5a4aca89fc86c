"""The end of a failed run: one line on stderr, and an exit status."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Any

from imgadm.base.errors import ImgadmError, InternalError, InvalidUUIDError, UsageError
from imgadm.base.logs import DEBUG, ERROR, Log, caller, write_line
from imgadm.base.redaction import redact_text
from imgadm.base.text import printable
from imgadm.cli.errors import NoCommandError, OptionError, UnknownCommandError

if TYPE_CHECKING:
    from collections.abc import Sequence


class InterruptError(ImgadmError):
    """A signal ended the run; the exit status is the one that shells report in that case."""

    code = "Interrupted"

    def __init__(self, signal_number: int) -> None:
        super().__init__("interrupted")
        self.exit_status = 128 + signal_number
        self.signal_name = signal.Signals(signal_number).name


class BugError(InternalError):
    """An exception that imgadm does not expect, which means a bug."""

    def __init__(self, error: BaseException) -> None:
        kind = type(error).__name__
        super().__init__(
            f"unexpected {kind}: {error}: this is a bug in imgadm; "
            'please report it, with the output of the same command with "imgadm -v"',
            cause=error,
        )


def wants_structured_errors(words: Sequence[str]) -> bool:
    """Tell whether ``-E`` is among the global options, even if the others are invalid."""
    for word in words:
        if word in {"-", "--"} or not word.startswith("-"):
            return False
        if not word.startswith("--") and "E" in word:
            return True
    return False


def report_failure(error: ImgadmError, *, command: str | None, structured: bool, log: Log) -> int:
    """Write ``error`` to stderr and return its exit status.

    ``structured`` writes a JSON record, as ``-E`` asks for. Otherwise, at a terminal, a line may
    follow that says what to type instead.
    """
    if structured:
        record = {"err": _error_record(error)}
        write_line(log.line(ERROR, error.message, record, location=caller()))
    elif not error.already_shown:
        name = f"imgadm {command}" if command else "imgadm"
        code = f" ({error.code})" if error.code else ""
        text = _stack_after_cause(error) if log.level <= DEBUG else error.message
        write_line(printable(redact_text(f"{name}: error{code}: {text}"), keep="\n\t"))
        if sys.stderr.isatty() and (hint := _hint(error, command)):
            write_line(printable(redact_text(hint)))
    sys.stderr.flush()
    return error.exit_status


def _hint(error: ImgadmError, command: str | None) -> str | None:
    """Return the hint that ``error`` carries, or else a suggestion for a mistyped command line."""
    if error.hint is not None or not isinstance(error, (UsageError, InvalidUUIDError)):
        return error.hint
    # A suggestion needs the declarations of all commands.
    from imgadm.cli.suggestions import suggestion

    return suggestion(error, command)


def _error_record(error: ImgadmError) -> dict[str, Any]:
    """Return ``err`` of a record. Scripts rely on its keys and names."""
    own_name = isinstance(error, (OptionError, UnknownCommandError, NoCommandError))
    record: dict[str, Any] = {
        "message": error.message,
        "name": type(error).__name__ if own_name else "WError",
        "stack": _stack_before_cause(error),
    }
    if error.code:
        record["code"] = error.code
    if isinstance(error, InterruptError):
        record["signal"] = error.signal_name
    record["exitStatus"] = error.exit_status
    return record


def _stack_after_cause(error: ImgadmError) -> str:
    """Return class, message and cause in one line, and the indented frames below it."""
    cause = _cause(error)
    head = _headline(error)
    if cause is None:
        return "\n".join([head, *_frames(error)])
    return "\n".join([f"{head}; caused by {_headline(cause)}", *_frames(error), *_frames(cause)])


def _stack_before_cause(error: ImgadmError) -> str:
    """Return class, message and frames of ``error``, and then those of its cause."""
    cause = _cause(error)
    lines = [_headline(error), *_frames(error)]
    if cause is not None:
        lines += [f"Caused by: {_headline(cause)}", *_frames(cause)]
    return "\n".join(lines)


def _cause(error: ImgadmError) -> BaseException | None:
    return error.cause or error.__cause__


def _headline(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _frames(error: BaseException) -> list[str]:
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    return [f"    at {frame.name} ({frame.filename}:{frame.lineno})" for frame in reversed(frames)]
