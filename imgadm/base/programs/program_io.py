"""The exchange with a running program: its input, and its output within bounds."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Sequence

from imgadm.base.errors import InternalError

MAX_OUTPUT = 256 << 20
"""The most bytes of stdout that imgadm reads; a list of a million datasets is shorter."""

_MAX_STDERR = 64 << 10


def converse(
    process: subprocess.Popen[bytes],
    argv: Sequence[str],
    said: bytes,
    deadline: float | None,
    limit: int | None = None,
) -> tuple[bytes, bytes]:
    """Write ``said`` to the program, and return what it prints on stdout and on stderr.

    ``argv`` is for messages. Raises TimeoutError when ``deadline``, a time of
    :func:`time.monotonic`, has passed, and InternalError if stdout has more than ``limit`` bytes,
    which is MAX_OUTPUT by default.
    """
    limit = MAX_OUTPUT if limit is None else limit
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdin as stdin, process.stdout as stdout, process.stderr as stderr:
        outputs = {stdout.fileno(): bytearray(), stderr.fileno(): bytearray()}
        os.set_blocking(stdin.fileno(), False)
        left = memoryview(said)
        poll = select.poll()
        for descriptor in outputs:
            poll.register(descriptor, select.POLLIN)
        if left:
            poll.register(stdin.fileno(), select.POLLOUT)
        else:
            stdin.close()
        silent: set[int] = set()
        while len(silent) < len(outputs):
            patience_left = None if deadline is None else deadline - time.monotonic()
            if patience_left is not None and patience_left <= 0:
                raise TimeoutError
            for descriptor, _ in poll.poll(None if patience_left is None else patience_left * 1000):
                if descriptor not in outputs:
                    left = left[_written(descriptor, left) :]
                    if not left:
                        poll.unregister(descriptor)
                        stdin.close()
                    continue
                piece = os.read(descriptor, 64 << 10)
                outputs[descriptor] += piece
                if not piece:
                    poll.unregister(descriptor)
                    silent.add(descriptor)
            if len(outputs[stdout.fileno()]) > limit:
                raise InternalError(f'"{" ".join(argv)}" printed more than {limit} bytes')
            del outputs[stderr.fileno()][_MAX_STDERR:]
        return bytes(outputs[stdout.fileno()]), bytes(outputs[stderr.fileno()])


def _written(descriptor: int, view: memoryview) -> int:
    """Write some of ``view``, and return how many bytes; all if the program reads no more."""
    try:
        return os.write(descriptor, view[: 64 << 10])
    except BlockingIOError:
        return 0
    except BrokenPipeError:
        return len(view)
