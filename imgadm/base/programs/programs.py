"""The way to find and run a program of the host, and to log how it ended.

imgadm does not trust the output of a program, which may be too long, not text, or not the expected
list. A program that only looks (:func:`run_query`) is killed if it does not end. A program that
changes something (:func:`run_to_end`) gets more time, and Ctrl-C does not reach it, because killing
it may not stop the change.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from imgadm.base.errors import InternalError
from imgadm.base.logs import TRACE_LEVEL, logger
from imgadm.base.programs.completed import Completed, end_of_output
from imgadm.base.programs.process import kill_program, start_program
from imgadm.base.programs.program_io import converse
from imgadm.base.settings import patience
from imgadm.base.signals import run_beyond_signals, signals_raised_afterwards

_SYSTEM_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
"""The directories of the administrator's programs on SmartOS and Linux, for a PATH without them."""

_KEPT_VARIABLES = ("HOME", "LOGNAME", "USER", "TMPDIR", "TZ")
"""The variables that programs may need, and that do not decide what is run or loaded."""

_PROCESSES = Path("/proc")

QUERY_SECONDS = 300.0
"""Seconds that a query may take without IMGADM_PATIENCE; a large pool may be slow."""

CHANGE_SECONDS = 600.0
"""Seconds that a program that changes something may run."""


def program_environment() -> dict[str, str]:
    """Return the environment for a program that handles data from strangers.

    No variable in it says what to run or load. The program's messages are in English, because
    imgadm reads some of them.
    """
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return {**kept, "PATH": _SYSTEM_PATH, "LANG": "C", "LC_ALL": "C"}


def find_program(name: str) -> str | None:
    """Return the path of a program from PATH or the system's directories, None if it is missing."""
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
    """Run a program that changes nothing, and return its outcome.

    ``stdin`` is the program's input. The output of a ``secret`` program is not logged. ``limit`` is
    the most bytes of stdout that are read. ``environment`` replaces that of this process. Raises
    InternalError if the program cannot be started, prints more than ``limit`` bytes, or has not
    ended after IMGADM_PATIENCE or :data:`QUERY_SECONDS`.
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
    """Run a program without input, and return its outcome; an interrupt of this process ends it.

    Raises InternalError if the program cannot be started, prints more than
    :data:`~imgadm.base.programs.program_io.MAX_OUTPUT`, or has not ended after ``seconds``.
    """
    # A process group of its own: this process passes Ctrl-C on, to all that the program started.
    return _run(argv, "", seconds, lambda _pid: None, env=environment, process_group=0)


def run_to_end(
    argv: Sequence[str],
    *,
    stdin: str = "",
    seconds: float = CHANGE_SECONDS,
    on_start: Callable[[int], None] | None = None,
) -> Completed:
    """Run a program that changes something, and return its outcome.

    Ctrl-C does not reach the program and takes effect after its end. ``on_start`` is called with
    its process id, which is also the id of its session. Raises InternalError as
    :func:`run_program` does.
    """
    started = on_start or (lambda _pid: None)
    return run_beyond_signals(lambda: _run(argv, stdin, seconds, started, start_new_session=True))


def run_on_terminal(argv: Sequence[str]) -> int:
    """Run a program on the input and outputs of this process, and return its exit status.

    A negative status is the number of a signal. Raises OSError if the program cannot be started.
    """
    started = time.monotonic()
    status = subprocess.run(argv, check=False).returncode
    log_program(argv, status, time.monotonic() - started)
    return status


def is_running(pid: int) -> bool:
    """Tell whether ``pid`` runs and leads its session, as programs of :func:`run_to_end` do.

    A zombie does not run. On a host that does not tell zombies apart they count as running.
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
        # The format of proc(5) on Linux, where a bare system may lack ps. On other systems the
        # file is not text.
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
            process = start_program(argv, **popen)
        on_start(process.pid)
        deadline = None if seconds is None else started + seconds
        stdout, stderr = converse(process, argv, stdin.encode(), deadline, limit)
        status = process.wait(None if seconds is None else started + seconds - time.monotonic())
    except (subprocess.TimeoutExpired, TimeoutError):
        assert process is not None
        kill_program(process)
        log_program(argv, None, time.monotonic() - started)
        raise InternalError(
            f'"{" ".join(argv)}" has not ended after {seconds:g} seconds and was given up; see '
            "what it waits for, or allow it more with IMGADM_PATIENCE=<seconds>"
        ) from None
    except BaseException:
        if process is None:
            raise
        kill_program(process)
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
    """Log how a program ended; a ``status`` of None says that it was given up.

    The record at level debug has the facts that an operator asks for first. The one at level trace
    has the form of the records of other tools of the platform.
    """
    fields: Mapping[str, object] = {"argv": list(argv)}
    how = {**fields, "status": status, "seconds": round(seconds, 6)}
    logger().debug("program ended", extra={"fields": how})
    if not logger().isEnabledFor(TRACE_LEVEL):
        return
    failed = None if status == 0 else {"message": _how_it_ended(argv, status), "code": status}
    shown = {"stdout": end_of_output(stdout), "stderr": end_of_output(stderr)}
    done = {"exec": True, **fields, "execOpts": {}, "err": failed, **shown}
    logger().log(TRACE_LEVEL, "exec done", extra={"fields": done})


def _how_it_ended(argv: Sequence[str], status: int | None) -> str:
    return f"{'Given up' if status is None else 'Command failed'}: {' '.join(argv)}"
