"""The output of a program as a stream of bytes, read while the program runs."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Generator, Sequence

from imgadm.base.errors import InternalError
from imgadm.base.programs.completed import end_of_output
from imgadm.base.programs.process import kill_program, start_program
from imgadm.base.programs.programs import log_program
from imgadm.base.signals import signals_raised_afterwards

_PIECE = 1 << 20
_STDERR_KEPT = 64 << 10


def stream_program(argv: Sequence[str]) -> Generator[memoryview, None, None]:
    """Run a program without input, and yield what it prints, each piece valid until the next.

    The program starts when the first piece is asked for. It is killed if the generator is closed
    before the end. Raises InternalError if the program cannot be started and, after its last piece,
    if it has failed.
    """
    started = time.monotonic()
    process: subprocess.Popen[bytes] | None = None
    printed = bytearray()
    try:
        with signals_raised_afterwards():
            process = start_program(argv, stdin=subprocess.DEVNULL, start_new_session=True)
        assert process.stdout is not None
        assert process.stderr is not None
        with process.stdout as stdout, process.stderr as stderr:
            yield from _pieces(stdout.fileno(), stderr.fileno(), printed)
        process.wait()
    finally:
        if process is not None:
            if process.poll() is None:
                kill_program(process)
            said = printed.decode(errors="replace")
            log_program(argv, process.returncode, time.monotonic() - started, stderr=said)
    if process.returncode != 0:
        raise InternalError(
            f"{' '.join(argv)} failed with exit status {process.returncode}: {end_of_output(said)}"
        )


def _pieces(stdout: int, stderr: int, printed: bytearray) -> Generator[memoryview, None, None]:
    """Yield what comes from ``stdout``; put the end of what comes from ``stderr`` in ``printed``.

    Both are read at the same time. A program waits while either of its pipes is full.
    """
    memory = memoryview(bytearray(_PIECE))
    poll = select.poll()
    unfinished = {stdout, stderr}
    for descriptor in unfinished:
        poll.register(descriptor, select.POLLIN)
    while unfinished:
        for descriptor, _ in poll.poll():
            size = os.readv(descriptor, [memory])
            if size == 0:
                poll.unregister(descriptor)
                unfinished.remove(descriptor)
            elif descriptor == stdout:
                yield memory[:size]
            else:
                printed += memory[:size]
                del printed[:-_STDERR_KEPT]
