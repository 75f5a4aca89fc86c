"""External programs of the host: found, run, logged, and their failures told in full."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from imgadm.errors import InternalError
from imgadm.logs import logger

#: Where SmartOS and Linux keep the administrator's programs, should PATH not name them.
_SYSTEM_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"

CHANGE_SECONDS = 600.0
"""For how long a program that changes something may run."""


@dataclass(frozen=True)
class Completed:
    """A program that ended by itself."""

    argv: tuple[str, ...]
    status: int
    stdout: str
    stderr: str

    def check(self, failure: str) -> Completed:
        """Itself if the status is 0; else raises InternalError that begins with ``failure``."""
        if self.status == 0:
            return self
        raise InternalError(
            f"{failure}:\n\tcommand: {' '.join(self.argv)}\n\texit status: {self.status}"
            f"\n\tstdout:\n{self.stdout.strip()}\n\tstderr:\n{self.stderr.strip()}"
        )


def find_program(name: str) -> str | None:
    """The path of a program, from PATH first, then from where such programs usually are."""
    path = os.pathsep.join(filter(None, (os.environ.get("PATH"), _SYSTEM_PATH)))
    return shutil.which(name, path=path)


def run_program(argv: Sequence[str]) -> Completed:
    """Run a program to its end, without input. Raises InternalError if it can't be started."""
    return _run(argv)


def run_to_end(
    argv: Sequence[str],
    *,
    stdin: str | None = None,
    seconds: float = CHANGE_SECONDS,
    on_start: Callable[[int], None] | None = None,
) -> Completed:
    """Run a program that changes something: Ctrl-C waits for its end, and does not reach it.

    ``on_start`` is told its process id, which is that of its session too. Raises InternalError if
    it can't be started, or is not done in ``seconds`` and had to be killed.
    """
    from imgadm.streams.interruptions import uninterrupted

    answers: list[Completed] = []
    uninterrupted(lambda: answers.append(_run(argv, stdin, seconds, on_start, apart=True)))
    return answers[0]


def is_running(pid: int) -> bool:
    """Whether a process leads the session of that number, as those of run_to_end do."""
    ps = find_program("ps")
    if ps is None:
        return False
    answer = run_program([ps, "-o", "s=", "-o", "sid=", "-p", str(pid)])
    state, _, session = answer.stdout.strip().partition(" ")
    return answer.status == 0 and state != "Z" and session.strip() == str(pid)


def _run(
    argv: Sequence[str],
    stdin: str | None = None,
    seconds: float | None = None,
    on_start: Callable[[int], None] | None = None,
    *,
    apart: bool = False,
) -> Completed:
    started = time.monotonic()
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="surrogateescape",
            start_new_session=apart,
        )
    except OSError as error:
        raise InternalError(f'cannot run "{argv[0]}": {error.strerror}', cause=error) from error
    with process:
        try:
            if on_start is not None:
                on_start(process.pid)
            stdout, stderr = process.communicate(stdin, seconds)
        except subprocess.TimeoutExpired as error:
            process.kill()
            raise InternalError(
                f'"{" ".join(argv)}" was killed: it was not done after {seconds:g} s', cause=error
            ) from error
        except BaseException:
            process.kill()
            raise
    completed = Completed(tuple(argv), process.returncode, stdout, stderr)
    logger().debug(
        "exec done",
        extra={
            "fields": {
                "exec": True,
                "argv": list(argv),
                "status": completed.status,
                "seconds": round(time.monotonic() - started, 6),
                "stderr": completed.stderr,
            }
        },
    )
    return completed
