"""The pipes between stages, made and grown before the first byte.

Growing a pipe that holds data can deadlock Linux kernels; OpenZFS and zrepl therefore do not grow
pipes (https://bugzilla.kernel.org/show_bug.cgi?id=212295). This module grows a pipe only when it
makes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os

from imgadm._native import KERNEL_MOVES

PIPE_SIZE = 1024 * 1024
"""Bytes that a pipe between stages should hold, on platforms where a process can choose."""


def kernel_moves() -> bool:
    """Tell whether bytes may go from descriptor to descriptor without entering this process.

    ``IMGADM_SPLICE=0`` in the environment forces the portable way, as on hosts without splice(2).
    """
    return KERNEL_MOVES and os.environ.get("IMGADM_SPLICE", "1") != "0"


def make_pipe() -> tuple[int, int]:
    """Return both ends of a pipe of :data:`PIPE_SIZE`, non-blocking and closed in children."""
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    os.set_blocking(write_end, False)
    resize = getattr(fcntl, "F_SETPIPE_SZ", None)
    if resize is not None:
        # The user's share of pipe memory may be used up; a smaller pipe works, only slower.
        with contextlib.suppress(OSError):
            fcntl.fcntl(write_end, resize, PIPE_SIZE)
    return read_end, write_end
