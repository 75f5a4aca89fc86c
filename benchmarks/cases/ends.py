"""Ends of a pipeline that cost nothing, so that one stage can be timed alone."""

from __future__ import annotations

from imgadm._native import Sha1
from imgadm.streams import Context, Inlet, Outlet, Stage
from imgadm.streams.engine.buffers import BUFFER_SIZE, Buffer


class FromMemory(Stage):
    """Delivers bytes that are in memory, by reference."""

    name = "memory"
    role = "source"

    def __init__(self, content: memoryview) -> None:
        self._content = content

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        for start in range(0, len(self._content), BUFFER_SIZE):
            outlet.put(Buffer(self._content[start : start + BUFFER_SIZE]))


class Nowhere(Stage):
    """Takes bytes and drops them, counting; ``size`` is how many there were."""

    name = "nowhere"
    role = "sink"
    remembers_sha1 = True
    """Whether this stage keeps the SHA-1, so that a fetch need not hash for a lost connection."""

    def __init__(self) -> None:
        self.size = 0

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        for view in inlet.views():
            self.size += len(view)

    def sha1_at(self, position: int, context: Context) -> Sha1 | None:
        raise AssertionError("the connection to the local server was lost")
