"""The start and the end of the process of a program whose output imgadm reads."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from typing import Any

from imgadm.base.errors import InternalError

_SECONDS_TO_DIE = 1.0


def start_program(argv: Sequence[str], **popen: Any) -> subprocess.Popen[bytes]:
    """Start a program with pipes as its input and outputs; ``popen`` are options of Popen.

    Raises InternalError if the program cannot be started.
    """
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    try:
        return subprocess.Popen(argv, **{**pipes, **popen})
    except OSError as error:
        raise InternalError(f'cannot run "{argv[0]}": {error.strerror}', cause=error) from error


def kill_program(process: subprocess.Popen[bytes]) -> None:
    """Kill the program and its children; a program that the kernel holds is left behind.

    The program must lead a process group of its own.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_SECONDS_TO_DIE)
