"""Processes that belong to a scope: ended when it ends, and with this process, however it ends."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

from .needs import program

STOP_LIMIT_S = 10


def start(
    scope: contextlib.ExitStack,
    command: list[str],
    *,
    output: Path | None,
    descriptors: tuple[int, ...] = (),
) -> subprocess.Popen[bytes]:
    """Start a program whose messages go to the file `output` (None: the terminal of this process).

    The kernel ends it when this process dies (PR_SET_PDEATHSIG, which setpriv sets).
    """
    with contextlib.ExitStack() as files:
        sink = files.enter_context(output.open("ab")) if output else None
        process = subprocess.Popen(
            [program("setpriv"), "--pdeathsig", "KILL", *command],
            stdin=subprocess.DEVNULL if output else None,
            stdout=sink,
            stderr=sink,
            pass_fds=descriptors,
        )
    scope.callback(_end, process)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
