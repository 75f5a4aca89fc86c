"""One run of the program, from the words of its command line to its exit status."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from imgadm.base import logs
from imgadm.base.errors import FileSystemError, ImgadmError
from imgadm.base.logs import DEBUG, Log, write_line
from imgadm.base.redaction import redact_text, redact_words
from imgadm.base.settings import request_id
from imgadm.base.text import printable
from imgadm.cli.command import Command, ConfigurationUse
from imgadm.cli.commands import find_command
from imgadm.cli.context import RunContext
from imgadm.cli.errors import NoCommandError
from imgadm.cli.failures import BugError, InterruptError, report_failure, wants_structured_errors
from imgadm.cli.options import Options, parse_options
from imgadm.cli.output.terminal import encode_everything, help_width
from imgadm.cli.run import run_command
from imgadm.cli.shared_options import GLOBAL_OPTIONS, HELP


def run_command_line(words: Sequence[str]) -> int:
    """Run ``imgadm WORDS`` and return its exit status.

    Raises BrokenPipeError if the reader of the output has gone, and nothing else.
    """
    encode_everything()
    sys.unraisablehook = _unraisable
    for number in (signal.SIGTERM, signal.SIGHUP):
        # A signal that the caller ignores stays ignored, as SIGHUP does under nohup.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    attempt = _Run(words)
    try:
        status = attempt.run()
        sys.stdout.flush()
        attempt.log_exit(status)
    except ImgadmError as error:
        return attempt.fail(error)
    except KeyboardInterrupt as error:
        number = error.args[0] if error.args else signal.SIGINT
        return attempt.fail(InterruptError(int(number)))
    except BrokenPipeError as error:
        if _reader_is_gone():
            raise
        return attempt.fail(FileSystemError.from_os_error("unexpected error", error))
    except OSError as error:
        named = f' "{error.filename}"' if error.filename else ""
        return attempt.fail(FileSystemError.from_os_error(f"unexpected error{named}", error))
    except Exception as error:
        return attempt.fail(BugError(error))
    return status


class _Run:
    """The state of a run, which decides how a failure is reported."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        self._structured = wants_structured_errors(words)
        self._log = Log.from_environment({}, verbose=False, request_id=request_id(os.environ))
        self._typed: str | None = None
        self._subject: str | None = None
        self._context: RunContext | None = None

    def run(self) -> int:
        """Run the command and return its exit status. Raises the error of a run that fails."""
        options, rest = parse_options(GLOBAL_OPTIONS, self._words, interspersed=False)
        self._start_log(options, rest)
        if options.flag("--version"):
            from imgadm import __version__

            print(f"imgadm {__version__}")
            return 0
        if options.flag("--help"):
            _print_help()
            return 0
        if not rest:
            _print_help()
            raise NoCommandError
        self._typed, *words = rest
        self._subject = self._typed
        if sys.stderr.isatty() and not options.given() and "IMGADM_LOG_LEVEL" not in os.environ:
            self._log.tell = self._warn
        return self._run_command(self._typed, words)

    def _run_command(self, typed: str, words: list[str]) -> int:
        command = find_command(typed)
        if command.parsing_options:
            options, arguments = parse_options(command.options, words)
        else:
            options, arguments = Options(()), words
        if HELP in command.options and options.flag("--help"):
            _print_help(command)
            return 0
        context = RunContext(self._log, typed, words, options, arguments)
        if command.configuration is not ConfigurationUse.NONE:
            self._load_configuration(context, command.configuration)
        self._context = context
        status = run_command(command.name, context)
        sys.stdout.flush()
        context.warn_of_unchecked()
        return status

    def _load_configuration(self, context: RunContext, use: ConfigurationUse) -> None:
        """Load the configuration. The line of an error here names no command."""
        from imgadm.operations.upkeep.open_configuration import open_configuration
        from imgadm.state.configuration import Configuration

        def notify(line: str) -> None:
            print(redact_text(line), file=sys.stderr)

        settings = context.settings
        try:
            configuration = open_configuration(settings, notify=notify)
        except ImgadmError as error:
            if use is ConfigurationUse.REQUIRED:
                self._subject = None
                raise
            notify(f"imgadm: warning: {error.message}")
            configuration = Configuration(settings.configuration_path)
        context.use_configuration(configuration)

    def log_exit(self, status: int) -> None:
        """Log the end of the run with its exit status."""
        command = {} if self._typed is None else {"subcmd": self._typed}
        fields = {**command, "exitStatus": status, "cli": True}
        self._log.record(DEBUG, "cli exit", fields)

    def fail(self, error: ImgadmError) -> int:
        """Report ``error`` and return its exit status."""
        # Everything is undone by now. Another Ctrl-C must not suppress the error line.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._flush_stdout()
        if self._context is not None:
            self._context.warn_of_unchecked()
        self.log_exit(error.exit_status)
        return report_failure(
            error, command=self._subject, structured=self._structured, log=self._log
        )

    def _start_log(self, options: Options, rest: list[str]) -> None:
        self._log = Log.from_environment(
            os.environ, verbose=options.flag("--verbose"), request_id=self._log.request_id
        )
        logs.use(self._log)
        fields = {"opts": {**options.given()}, "args": redact_words(rest), "cli": True}
        self._log.record(DEBUG, "cli init", fields)

    def _warn(self, message: str) -> None:
        write_line(printable(redact_text(f"imgadm {self._subject}: warning: {message}")))

    @staticmethod
    def _flush_stdout() -> None:
        """Print buffered output before the error line. A failure here is not a second error."""
        try:
            sys.stdout.flush()
        except OSError:
            # The buffer cannot be written. Keep the interpreter from trying again at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _print_help(command: Command | None = None) -> None:
    """Print the help on ``command``, or else on imgadm."""
    # Few runs need a help text, and its layout takes time to load.
    from imgadm.cli.reference.help import command_help, top_level_help

    width = help_width()
    print(top_level_help(width) if command is None else command_help(command, width), end="")


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    """End the run as Ctrl-C does, so that unfinished work is rolled back."""
    raise KeyboardInterrupt(number)


def _unraisable(what: sys.UnraisableHookArgs) -> None:
    """Repeat an interrupt that came while Python was freeing an object.

    Python cannot raise an exception there: it would print a traceback and lose the interrupt.
    """
    error = what.exc_value
    if not isinstance(error, KeyboardInterrupt):
        sys.__unraisablehook__(what)
        return
    from threading import Timer

    number = error.args[0] if error.args else signal.SIGINT
    # By then this function has returned even on a busy host: an exception in it would be lost, too.
    again = Timer(0.1, os.kill, (os.getpid(), number))
    again.daemon = True
    again.start()


def _reader_is_gone() -> bool:
    import select

    poll = select.poll()
    poll.register(1, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
