"""External programs of the host: found, run, logged, and their failures told in full."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

from imgadm.errors import InternalError
from imgadm.logs import logger

#: Where SmartOS and Linux keep the administrator's programs, should PATH not name them.
_SYSTEM_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"


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


def run_to_end(argv: Sequence[str], *, stdin: str | None = None, seconds: float = 600) -> Completed:
    """Run a program that changes something: Ctrl-C waits for its end, and does not reach it.

    Raises InternalError if it can't be started, or is not done in ``seconds`` and had to be killed.
    """
    from imgadm.streams.interruptions import uninterrupted

    answers: list[Completed] = []
    uninterrupted(lambda: answers.append(_run(argv, stdin=stdin, seconds=seconds, apart=True)))
    return answers[0]


def _run(
    argv: Sequence[str],
    *,
    stdin: str | None = None,
    seconds: float | None = None,
    apart: bool = False,
) -> Completed:
    started = time.monotonic()
    try:
        process = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL if stdin is None else None,
            input=stdin,
            capture_output=True,
            check=False,
            text=True,
            errors="surrogateescape",
            timeout=seconds,
            start_new_session=apart,
        )
    except subprocess.TimeoutExpired as error:
        raise InternalError(
            f'"{" ".join(argv)}" was killed: it was not done after {seconds:g} s', cause=error
        ) from error
    except OSError as error:
        raise InternalError(f'cannot run "{argv[0]}": {error.strerror}', cause=error) from error
    completed = Completed(tuple(argv), process.returncode, process.stdout, process.stderr)
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
