"""The contract of a stage: one step of a pipeline, on a thread of its own."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from imgadm._native import Meter, Sha1
from imgadm.streams.engine.buffers import Buffer, BufferPool
from imgadm.streams.engine.cancellation import CancelToken
from imgadm.streams.engine.channel import Channel
from imgadm.streams.errors import MisuseError

Role = Literal["source", "filter", "sink"]
"""The place of a stage in a pipeline: first, middle or last."""


class Inlet:
    """The end of a channel from which a stage takes its bytes."""

    def __init__(self, channel: Channel, meter: Meter) -> None:
        self._channel = channel
        self._meter = meter

    def get(self) -> Buffer | None:
        """Return the next buffer, which the caller passes on or releases; None at the end.

        Raises Cancelled when the pipeline ends.
        """
        return self._channel.get(self._meter)

    def __iter__(self) -> Iterator[Buffer]:
        while (buffer := self.get()) is not None:
            yield buffer

    def views(self) -> Iterator[memoryview]:
        """Yield the bytes of each buffer; a view is valid until the next one is taken."""
        for buffer in self:
            try:
                yield buffer.view
            finally:
                buffer.release()


class Outlet:
    """The end of a channel into which a stage puts its bytes.

    ``channel`` is None for a sink, which puts nothing. ``counted`` is False for a branch: its bytes
    already count as output of the stage where they leave it for the next one.
    """

    def __init__(
        self, channel: Channel | None, meter: Meter, pool: BufferPool, *, counted: bool = True
    ) -> None:
        self._channel = channel
        self._meter = meter
        self._counted = counted
        self.pool = pool

    def buffer(self) -> Buffer:
        """Return a buffer to fill, to ``keep`` to the filled length, and to put."""
        return self.pool.get()

    def put(self, buffer: Buffer) -> None:
        """Hand ``buffer`` to the next stage, which owns it from then on.

        Waits while the next stage is busy. Raises Cancelled when the pipeline ends, and MisuseError
        for anything but a buffer that the caller owns.
        """
        if not isinstance(buffer, Buffer):
            raise MisuseError(
                f"put() got {type(buffer).__name__}, expected a buffer from the inlet or of "
                "outlet.buffer()",
                got=buffer,
            )
        if self._channel is None:
            raise MisuseError("a sink has put a buffer, but no stage follows it")
        self._channel.put(buffer.hand_over(), self._meter, counted=self._counted)


@dataclass
class Context:
    """The surroundings of a running stage, besides its inlet and outlet."""

    cancel: CancelToken
    """The token that is cancelled when the pipeline ends by a failure or by Ctrl-C."""
    meter: Meter
    """The counters of the stage.

    Inlet and outlet update them. A source adds its bytes with ``add_in``, a sink with ``add_out``.
    """
    notes: list[str]
    """Lines that an operator should see at the end."""
    facts: dict[str, Any]
    """Results of the stages by their names; they become ``facts`` of the report."""
    downstream: Stage | None = None
    """The next stage of the pipeline; None for a sink."""
    branches: list[Outlet] = field(default_factory=list)
    """An outlet into each of the ``branches`` of the stage."""


class Stage(ABC):
    """One step of a pipeline. A source ignores its inlet, a sink its outlet.

    The life of a stage, which is used for one run:

    1. ``open``, on the thread that calls :func:`~imgadm.streams.run`, in the order of the stages.
    2. ``run``, or ``run_descriptors``, on a thread of its own.
    3. ``commit``, after every stage of the pipeline and its branches has succeeded; or else
       ``abort``, from any thread, when the pipeline fails.
    4. ``close``, once at the very end, if ``open`` was called.

    A stage that raises has failed, and the pipeline ends. A stage that returns has succeeded: it
    has read its input to the end, and the next stage may now see the end of the stream. A sink sees
    the end after all sources and filters have succeeded, those in branches too.
    """

    name: str = "stage"
    """The name in reports and errors."""
    role: Role = "filter"
    """``source``: has no input; ``filter``: has both; ``sink``: has no output."""
    branches: Sequence[Sequence[Stage]] = ()
    """Further pipelines that the stage feeds through ``context.branches``; each ends in a sink."""
    total: int | None = None
    """Bytes that will come out, if ``open`` can tell."""
    moves_descriptors: bool = False
    """Whether the stage has ``run_descriptors``."""
    judges_content: bool = False
    """Whether a failure of the stage means that the bytes were bad."""
    verifies: bool = False
    """Whether success of the stage proves that the bytes are the intended ones."""
    remembers_sha1: bool = False
    """Whether ``sha1_at`` can tell the SHA-1 of the first bytes."""
    used: bool = False
    """Whether the stage has been given to a run, which sets this."""

    def open(self, context: Context) -> None:
        """Connect, open files, start programs. An error ends the run before a byte has moved."""

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        """Do the work on buffers until the inlet ends.

        Raises StreamError or OSError if the stage fails, and Cancelled when the pipeline ends.
        """
        raise TypeError(f"{self.name} has no method run")

    def take_input_descriptor(self) -> int | None:
        """Return the write end of a pipe that leads straight into this stage; None without one.

        From then on the caller owns the descriptor, and closes it after the last byte.
        """
        return None

    def take_back_input_descriptor(self, descriptor: int) -> None:
        """Own ``descriptor`` again. The caller, a stage before this one, has failed."""
        raise TypeError(f"{self.name} gave no descriptor")

    def run_descriptors(self, context: Context, source: int, sink: int) -> None:
        """Do the work from the descriptor ``source`` to the pipe ``sink``; -1 where there is none.

        Both are non-blocking. The caller closes them.
        """
        raise TypeError(f"{self.name} does not move descriptors")

    def sha1_at(self, position: int, context: Context) -> Sha1 | None:
        """Return the state of the hash after ``position`` bytes, once they have come through here.

        A source calls this to prove that the bytes that it fetches again are those that it
        delivered. Returns None unless the stage ``remembers_sha1``.
        """
        return None

    def commit(self) -> None:
        """Make the work final in one short step, such as a rename. No signal interrupts it.

        All stages commit in their order. The first one that raises ends the run; the stages before
        it have committed.
        """

    def abort(self) -> None:
        """Make every wait of :meth:`run` end at once. May be called at any time, and twice."""

    def close(self) -> None:
        """Free everything that :meth:`open` took. The thread of the stage has ended by then."""


@contextmanager
def waiting_for_input(meter: Meter) -> Iterator[None]:
    """Count the time inside the ``with`` block as waiting for input."""
    meter.begin_input_wait()
    try:
        yield
    finally:
        meter.end_wait()
