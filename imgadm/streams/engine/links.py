"""The joints between the stages of one pipeline: channels of buffers, or pipes."""

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
from imgadm.streams.engine.layout import Place
from imgadm.streams.engine.stage import Context, Inlet, Outlet
from imgadm.streams.errors import UnreadError


class Links(ABC):
    """Joints that show the end of the stream to a stage only after the one before has succeeded."""

    def __init__(self, places: Sequence[Place], contexts: Sequence[Context]) -> None:
        self._places = places
        self._contexts = contexts

    @abstractmethod
    def open(self, cancel: CancelToken) -> None:
        """Make the joints. Raises OSError; the caller must call :meth:`close` even then."""

    @abstractmethod
    def run(self, index: int) -> None:
        """Run a stage, then show the end to the stages that read from it.

        Raises the error of the stage, or UnreadError, whose ``reader`` is the index of the stage
        that has ended too early.
        """

    @abstractmethod
    def discard_after(self, index: int) -> None:
        """Discard the output of a stage whose readers have failed, so that the stage can go on.

        This may wait until the pipeline ends.
        """

    @abstractmethod
    def close(self) -> None:
        """Free everything."""

    def fed_by_pipe(self) -> bool:
        """Tell whether the last stage is a program into whose input the last but one writes."""
        return False


class ChannelLinks(Links):
    """Channels through which stages hand buffers to each other; one leads into each stage.

    A sink sees the end only after all sources and filters have succeeded, those of other branches
    too.
    """

    def open(self, cancel: CancelToken) -> None:
        self._buffers = BufferPool()
        self._channels = [Channel(cancel) for _ in self._places]
        self._channels[0].close()
        self._feeding = {index for index in range(len(self._places)) if self._readers(index)}

    def run(self, index: int) -> None:
        place, context = self._places[index], self._contexts[index]
        meter, channel = context.meter, self._channels[index]
        following = None if place.downstream is None else self._channels[place.downstream]
        context.branches = [
            Outlet(self._channels[branch], meter, self._buffers, counted=False)
            for branch in place.branches
        ]
        place.stage.run(context, Inlet(channel, meter), Outlet(following, meter, self._buffers))
        if place.upstream is not None and not channel.exhausted:
            raise UnreadError(place.stage.name, reader=index, offset=meter.bytes_in)
        self._feeding.discard(index)
        for reader in self._readers(index):
            if self._readers(reader):
                self._channels[reader].close()
        if not self._feeding:
            for reader_channel in self._channels:
                reader_channel.close()

    def discard_after(self, index: int) -> None:
        for reader in self._readers(index):
            self._channels[reader].discard()

    def _readers(self, index: int) -> list[int]:
        place = self._places[index]
        following = [] if place.downstream is None else [place.downstream]
        return [*following, *place.branches]

    def close(self) -> None:
        for channel in self._channels:
            channel.stop_listening()


class PipeLinks(Links):
    """Pipes from stage to stage, in a pipeline without branches.

    If the last stage is a program, the last pipe may be its standard input.
    """

    def open(self, cancel: CancelToken) -> None:
        self._cancel = cancel
        self._leads_into_program = False
        last = len(self._places) - 1
        # The descriptors that each stage reads from and writes to; -1 for none, and once closed.
        self._ends = [[-1, -1] for _ in self._places]
        for index in range(last):
            is_last = index + 1 == last
            entrance = self._places[last].stage.take_input_descriptor() if is_last else None
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
            self._places[index].stage.run_descriptors(self._contexts[index], source, sink)
        except BaseException as error:
            self._give_back_entrance(index)
            if sink < 0 or not isinstance(error, BrokenPipeError):
                raise
            reader, offset = index + 1, self._contexts[index].meter.bytes_out
            name = self._places[reader].stage.name
            raise UnreadError(name, reader=reader, offset=offset) from None
        self._close_end(index, 1)
        self._close_end(index, 0)

    def _give_back_entrance(self, index: int) -> None:
        """Let the last stage decide when its program sees the end of a broken stream."""
        if index + 2 == len(self._places) and self.fed_by_pipe():
            descriptor, self._ends[index][1] = self._ends[index][1], -1
            self._places[-1].stage.take_back_input_descriptor(descriptor)

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
