"""External programs of the host: found, run, logged, and their failures told in full.

What a program prints is not trusted: it may be too much, no text, or not the list that was asked
for. One that only looks (:func:`run_query`) may also never end, and is given up then; one that
changes something is waited for, since to leave it behind would not stop it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgadm.base.errors import InternalError
from imgadm.base.logs import TRACE_LEVEL, logger
from imgadm.base.programs.program_io import converse
from imgadm.base.settings import patience
from imgadm.base.signals import run_beyond_signals, signals_raised_afterwards
from imgadm.base.text import excerpt

#: Where SmartOS and Linux keep the administrator's programs, should PATH not name them.
_SYSTEM_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"

#: What programs may need of our environment, and what decides nothing else.
_KEPT_VARIABLES = ("HOME", "LOGNAME", "USER", "TMPDIR", "TZ")

_PROCESSES = Path("/proc")

QUERY_SECONDS = 300.0
"""How long a query may take where IMGADM_PATIENCE says nothing: a large pool may be slow."""

CHANGE_SECONDS = 600.0
"""For how long a program that changes something may run."""

_SHOWN_OUTPUT = 4 << 10
_SECONDS_TO_DIE = 1.0


@dataclass(frozen=True)
class Completed:
    """A program that ended by itself. A status below 0 is the number of a signal."""

    argv: tuple[str, ...]
    status: int
    stdout: str
    stderr: str

    @property
    def command(self) -> str:
        return " ".join(self.argv)

    def check(self, failure: str) -> Completed:
        """Itself if the status is 0; else raises InternalError that begins with ``failure``."""
        if self.status == 0:
            return self
        raise InternalError(
            f"{failure}:\n\tcommand: {self.command}\n\texit status: {self.status}"
            f"\n\tstdout:\n{_end_of(self.stdout)}\n\tstderr:\n{_end_of(self.stderr)}"
        )

    def lines(self) -> list[str]:
        """The lines of stdout. Nothing but a newline ends one: names may have anything else."""
        return self.stdout.removesuffix("\n").split("\n") if self.stdout else []

    def rows(self, width: int) -> list[list[str]]:
        """The lines, split at tabs.

        Raises InternalError if one has not ``width`` fields: what was decided by the rest could
        destroy what that line is about.
        """
        rows = [line.split("\t") for line in self.lines()]
        for row in rows:
            if len(row) != width or not row[0]:
                raise self.nonsense(f"lines of {width} fields", "\t".join(row))
        return rows

    def nonsense(self, wanted: str, got: str) -> InternalError:
        """The error of a program that does not print what it should."""
        return InternalError(
            f'"{self.command}" should print {wanted}, and printed "{excerpt(got)}"'
        )


def program_environment() -> dict[str, str]:
    """For a program that deals with what strangers sent; nothing in it says what to run or load.

    Messages are in English, because some are read.
    """
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return {**kept, "PATH": _SYSTEM_PATH, "LANG": "C", "LC_ALL": "C"}


def find_program(name: str) -> str | None:
    """The path of a program, from PATH first, then from where such programs usually are."""
    path = os.pathsep.join(filter(None, (os.environ.get("PATH"), _SYSTEM_PATH)))
    return shutil.which(name, path=path)


def run_query(
    argv: Sequence[str],
    *,
    stdin: str = "",
    secret: bool = False,
    limit: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> Completed:
    """Run a program that changes nothing, as :func:`run_program`, for so long and no longer.

    What a ``secret`` one prints is not logged. It gets our own environment unless it is given one.
    Raises InternalError if it has not ended after
    IMGADM_PATIENCE or :data:`QUERY_SECONDS`, or prints more than ``limit`` bytes.
    """
    seconds = patience(os.environ) or QUERY_SECONDS
    return _run(
        argv,
        stdin,
        seconds,
        lambda _pid: None,
        secret=secret,
        limit=limit,
        env=environment,
        process_group=0,
    )


def run_program(
    argv: Sequence[str],
    *,
    seconds: float | None = None,
    environment: Mapping[str, str] | None = None,
) -> Completed:
    """Run a program to its end, without input; an interrupt of ours ends it.

    Raises InternalError if it can't be started, prints more than
    :data:`~imgadm.base.programs.program_io.MAX_OUTPUT`, or has not ended after ``seconds``.
    """
    # A group of its own: Ctrl-C is for us to pass on, and to all that the program has started.
    return _run(argv, "", seconds, lambda _pid: None, env=environment, process_group=0)


def run_to_end(
    argv: Sequence[str],
    *,
    stdin: str = "",
    seconds: float = CHANGE_SECONDS,
    on_start: Callable[[int], None] | None = None,
) -> Completed:
    """Run a program that changes something: Ctrl-C waits for its end, and does not reach it.

    ``on_start`` is told its process id, which is that of its session too. Raises InternalError as
    :func:`run_program` does.
    """
    started = on_start or (lambda _pid: None)
    return run_beyond_signals(lambda: _run(argv, stdin, seconds, started, start_new_session=True))


def is_running(pid: int) -> bool:
    """Whether a process leads the session of that number, as those of run_to_end do.

    A zombie does not run. Where nothing tells zombies apart, they count as running.
    """
    try:
        if os.getsid(pid) != pid:
            return False
    except OSError:
        return False
    return _state_of(pid) != "Z"


def _state_of(pid: int) -> str:
    """Return the letter by which ``ps`` names the state of a process, "" where it is unknown."""
    with contextlib.suppress(OSError, IndexError, UnicodeDecodeError):
        # As proc(5) of Linux has it; a bare system may lack ps. Elsewhere this is no text.
        return (_PROCESSES / str(pid) / "stat").read_text().rpartition(") ")[2][0]
    ps = find_program("ps")
    if ps is None:
        return ""
    answer = run_query([ps, "-o", "s=", "-p", str(pid)])
    return answer.stdout.strip() if answer.status == 0 else "Z"


def _run(
    argv: Sequence[str],
    stdin: str,
    seconds: float | None,
    on_start: Callable[[int], None],
    *,
    secret: bool = False,
    limit: int | None = None,
    **popen: Any,
) -> Completed:
    started = time.monotonic()
    process: subprocess.Popen[bytes] | None = None
    try:
        with signals_raised_afterwards():
            process = _start(argv, **popen)
        on_start(process.pid)
        deadline = None if seconds is None else started + seconds
        stdout, stderr = converse(process, argv, stdin.encode(), deadline, limit)
        status = process.wait(None if seconds is None else started + seconds - time.monotonic())
    except (subprocess.TimeoutExpired, TimeoutError):
        assert process is not None
        _kill(process)
        log_program(argv, None, time.monotonic() - started)
        raise InternalError(
            f'"{" ".join(argv)}" has not ended after {seconds:g} seconds and was given up; see '
            "what it waits for, or allow it more with IMGADM_PATIENCE=<seconds>"
        ) from None
    except BaseException:
        if process is None:
            raise
        _kill(process)
        log_program(argv, None, time.monotonic() - started)
        raise
    completed = Completed(
        tuple(argv), status, *(text.decode("utf-8", "surrogateescape") for text in (stdout, stderr))
    )
    printed = ("", "") if secret else (completed.stdout, completed.stderr)
    log_program(argv, status, time.monotonic() - started, *printed)
    return completed


def log_program(
    argv: Sequence[str], status: int | None, seconds: float, stdout: str = "", stderr: str = ""
) -> None:
    """Log how a program ended; ``status`` None says that it was given up.

    At debug with what an operator asks first, at trace as other tools of the platform log it.
    """
    fields: Mapping[str, object] = {"argv": list(argv)}
    how = {**fields, "status": status, "seconds": round(seconds, 6)}
    logger().debug("program ended", extra={"fields": how})
    if not logger().isEnabledFor(TRACE_LEVEL):
        return
    failed = None if status == 0 else {"message": _how_it_ended(argv, status), "code": status}
    shown = {"stdout": _end_of(stdout), "stderr": _end_of(stderr)}
    done = {"exec": True, **fields, "execOpts": {}, "err": failed, **shown}
    logger().log(TRACE_LEVEL, "exec done", extra={"fields": done})


def _start(argv: Sequence[str], **popen: Any) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **popen
        )
    except OSError as error:
        raise InternalError(f'cannot run "{argv[0]}": {error.strerror}', cause=error) from error


def _how_it_ended(argv: Sequence[str], status: int | None) -> str:
    return f"{'Given up' if status is None else 'Command failed'}: {' '.join(argv)}"


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the program and what it has started; one that the kernel holds is left behind."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_SECONDS_TO_DIE)


def _end_of(text: str) -> str:
    text = text.strip()
    return text if len(text) <= _SHOWN_OUTPUT else f"...{text[-_SHOWN_OUTPUT:]}"
