"""What a stage is: one step of a pipeline, on a thread of its own."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from imgadm._native import Meter, Sha1
from imgadm.streams.engine.buffers import Buffer, BufferPool
from imgadm.streams.engine.cancellation import CancelToken
from imgadm.streams.engine.channel import Channel


class Inlet:
    """Where a stage takes its bytes from."""

    def __init__(self, channel: Channel, meter: Meter) -> None:
        self._channel = channel
        self._meter = meter

    def get(self) -> Buffer | None:
        """The next buffer, to be passed on or released; None at the end."""
        return self._channel.get(self._meter)

    def __iter__(self) -> Iterator[Buffer]:
        while (buffer := self.get()) is not None:
            yield buffer

    def views(self) -> Iterator[memoryview]:
        """The bytes of each buffer in turn, valid until the next is asked for."""
        for buffer in self:
            try:
                yield buffer.view
            finally:
                buffer.release()


class Outlet:
    """Where a stage puts its bytes."""

    def __init__(self, channel: Channel, meter: Meter, pool: BufferPool) -> None:
        self._channel = channel
        self._meter = meter
        self.pool = pool

    def buffer(self) -> Buffer:
        """An empty buffer to fill, to keep to its filled length, and to put."""
        return self.pool.get()

    def put(self, buffer: Buffer) -> None:
        self._channel.put(buffer, self._meter)


@dataclass
class Context:
    """What a running stage is given besides its inlet and outlet."""

    cancel: CancelToken
    meter: Meter
    #: Lines that an operator should see at the end.
    notes: list[str]
    #: What the run found out; becomes ``report.facts``.
    facts: dict[str, Any]
    #: The stage that reads what this one writes.
    downstream: Stage | None = None


class Stage(ABC):
    """One step. A source ignores its inlet, a sink its outlet; a stage is used for one run.

    The life of a stage: ``open`` on the thread that calls :func:`~imgadm.streams.run`, ``run`` (or
    ``run_descriptors``) on a thread of its own, ``abort`` from any thread if the pipeline fails,
    ``close`` once at the very end. A stage that raises has failed; returning means that all is
    well, that the input was read to its end, and only then does the next stage see the end of the
    stream.
    """

    #: What reports and errors call it.
    name: str = "stage"
    #: Bytes that will come out in total, where that is known before they have.
    total: int | None = None
    #: True if the stage can work from descriptor to descriptor (``run_descriptors``).
    moves_descriptors: bool = False
    #: True if its failure says that the bytes were bad, not that something else broke.
    judges_content: bool = False
    #: True if its success proves that the bytes are the intended ones.
    verifies: bool = False
    #: True if it can tell the SHA-1 of the first bytes that it was given (``sha1_at``).
    remembers_sha1: bool = False

    def open(self, context: Context) -> None:
        """Get ready: connect, open, spawn. What fails here fails before a byte has moved."""

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        """Do the work on buffers until the inlet ends."""
        raise TypeError(f"{self.name} only moves descriptors")

    def take_input_descriptor(self) -> int | None:
        """The write end of a pipe that leads straight into this stage, if it has one.

        From then on it is the caller's, who closes it when everything has been written.
        """
        return None

    def take_back_input_descriptor(self, descriptor: int) -> None:
        """Own again what :meth:`take_input_descriptor` gave: whoever wrote to it has failed."""
        raise TypeError(f"{self.name} gave no descriptor")

    def run_descriptors(self, context: Context, source: int, sink: int) -> None:
        """Do the work from the descriptor ``source`` to the pipe ``sink`` (-1: there is none)."""
        raise TypeError(f"{self.name} does not move descriptors")

    def sha1_at(self, position: int, context: Context) -> Sha1 | None:
        """The state of the hash after ``position`` bytes, once they have all come through here.

        For a source that has to prove that bytes which it fetches again are those it delivered.
        """
        return None

    def abort(self) -> None:
        """End at once whatever :meth:`run` waits for. May come at any time, and twice."""

    def close(self) -> None:
        """Free what ``open`` took. Called once, when no thread of the stage is left."""


@contextmanager
def waiting_for_input(meter: Meter) -> Iterator[None]:
    """Count the time inside as waiting for input."""
    meter.begin_input_wait()
    try:
        yield
    finally:
        meter.end_wait()
