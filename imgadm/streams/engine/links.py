"""How the stages of one pipeline are joined: by channels of buffers, or by pipes."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence

from imgadm import _native
from imgadm._native import Meter
from imgadm.streams.engine.buffers import BUFFER_SIZE, BufferPool
from imgadm.streams.engine.cancellation import CancelToken
from imgadm.streams.engine.channel import Channel
from imgadm.streams.engine.descriptors import make_pipe
from imgadm.streams.engine.stage import Context, Inlet, Outlet, Stage
from imgadm.streams.errors import UnreadError


class Links(ABC):
    """The joints between stages, which show the end of the stream only to the next of a success."""

    def __init__(self, stages: Sequence[Stage], contexts: Sequence[Context]) -> None:
        self._stages = stages
        self._contexts = contexts

    @abstractmethod
    def open(self, cancel: CancelToken) -> None:
        """Make the joints. Raises OSError; :meth:`close` is due even then."""

    @abstractmethod
    def run(self, index: int) -> None:
        """Run a stage, then show the next one the end.

        Raises what the stage raises, and UnreadError, which may be about the next one.
        """

    @abstractmethod
    def discard_after(self, index: int) -> None:
        """Let a stage go on though what follows has failed. May wait until the pipeline ends."""

    @abstractmethod
    def close(self) -> None:
        """Free everything."""

    def fed_by_pipe(self) -> bool:
        """Whether the last stage is a program that the last but one feeds without its help."""
        return False


class ChannelLinks(Links):
    """Stages hand buffers to each other."""

    def open(self, cancel: CancelToken) -> None:
        self._buffers = BufferPool()
        self._channels = [Channel(cancel) for _ in range(len(self._stages) + 1)]
        self._channels[0].close()

    def run(self, index: int) -> None:
        stage, context = self._stages[index], self._contexts[index]
        channel, following = self._channels[index], self._channels[index + 1]
        inlet = Inlet(channel, context.meter)
        stage.run(context, inlet, Outlet(following, context.meter, self._buffers))
        if index > 0 and not channel.exhausted:
            raise UnreadError(stage.name, offset=context.meter.bytes_in)
        following.close()

    def discard_after(self, index: int) -> None:
        self._channels[index + 1].discard()

    def close(self) -> None:
        for channel in self._channels:
            channel.stop_listening()


class PipeLinks(Links):
    """Stages move bytes from pipe to pipe; those that lead to the last one may go on into it."""

    def open(self, cancel: CancelToken) -> None:
        self._cancel = cancel
        self._leads_into_program = False
        last = len(self._stages) - 1
        #: What each stage reads from and writes to; -1 where there is nothing, or no more.
        self._ends = [[-1, -1] for _ in self._stages]
        for index in range(last):
            entrance = self._stages[last].take_input_descriptor() if index + 1 == last else None
            if entrance is None:
                self._ends[index + 1][0], self._ends[index][1] = make_pipe()
            else:
                self._ends[index][1] = entrance
                self._leads_into_program = True

    def fed_by_pipe(self) -> bool:
        return self._leads_into_program

    def run(self, index: int) -> None:
        source, sink = self._ends[index]
        try:
            self._stages[index].run_descriptors(self._contexts[index], source, sink)
        except BaseException as error:
            self._give_back_entrance(index)
            if sink < 0 or not isinstance(error, BrokenPipeError):
                raise
            meter = self._contexts[index].meter
            raise UnreadError(self._stages[index + 1].name, offset=meter.bytes_out) from None
        self._close_end(index, 1)
        self._close_end(index, 0)

    def _give_back_entrance(self, index: int) -> None:
        """Let the last stage decide when its program sees the end of a stream that was cut."""
        if index + 2 == len(self._stages) and self.fed_by_pipe():
            descriptor, self._ends[index][1] = self._ends[index][1], -1
            self._stages[-1].take_back_input_descriptor(descriptor)

    def discard_after(self, index: int) -> None:
        source, scratch = self._ends[index + 1][0], bytearray(BUFFER_SIZE)
        if source >= 0:
            while _native.read_into(source, scratch, self._cancel.fileno(), Meter()):
                pass

    def close(self) -> None:
        for index in range(len(self._ends)):
            self._close_end(index, 1)
            self._close_end(index, 0)

    def _close_end(self, index: int, end: int) -> None:
        descriptor, self._ends[index][end] = self._ends[index][end], -1
        if descriptor >= 0:
            os.close(descriptor)
