"""A source and a sink for tests, on buffers and on descriptors alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from imgadm._native import Cancelled, read_into, write_all
from imgadm.streams import Context, Inlet, Outlet, Stage
from imgadm.streams.engine.buffers import Buffer


class Supply(Stage):
    """Delivers pieces as they come out of an iterable, which may wait or raise."""

    name = "supply"
    role = "source"
    moves_descriptors = True

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        for piece in self._pieces:
            context.meter.add_in(len(piece))
            outlet.put(Buffer(memoryview(piece)))

    def run_descriptors(self, context: Context, source: int, sink: int) -> None:
        for piece in self._pieces:
            context.meter.add_in(len(piece))
            write_all(sink, piece, context.cancel.fileno(), context.meter)


class Collect(Stage):
    """Keeps what it gets, or only counts it; knows whether it was shown the end."""

    name = "collect"
    role = "sink"
    moves_descriptors = True

    def __init__(self, *, keep: bool = True, on_piece: Callable[[], None] | None = None) -> None:
        self.content = bytearray()
        self.count = 0
        self.saw_end = False
        self._keep = keep
        self._on_piece = on_piece

    def _take(self, piece: memoryview) -> None:
        self.count += piece.nbytes
        if self._keep:
            self.content += piece
        if self._on_piece is not None:
            self._on_piece()

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        for view in inlet.views():
            self._take(view)
        self.saw_end = True

    def run_descriptors(self, context: Context, source: int, sink: int) -> None:
        room = memoryview(bytearray(256 * 1024))
        while size := read_into(source, room, context.cancel.fileno(), context.meter):
            context.meter.add_in(size)
            self._take(room[:size])
        self.saw_end = True


class Forward(Stage):
    """Passes everything on, after doing something for every piece. Works on buffers only."""

    name = "forward"

    def __init__(self, on_piece: Callable[[], None]) -> None:
        self._on_piece = on_piece

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        for buffer in inlet:
            self._on_piece()
            outlet.put(buffer)


class Blocked(Stage):
    """Reads nothing until the pipeline ends."""

    name = "blocked"
    role = "sink"
    moves_descriptors = True

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        context.cancel.wait(60)
        raise Cancelled

    def run_descriptors(self, context: Context, source: int, sink: int) -> None:
        context.cancel.wait(60)
        raise Cancelled


def pieces(content: bytes, size: int) -> list[bytes]:
    return [content[at : at + size] for at in range(0, len(content), size)]


def unending(piece: bytes = bytes(65536), pause: float = 0.0) -> Iterable[bytes]:
    while True:
        yield piece
        if pause:
            time.sleep(pause)


def open_descriptors() -> set[str]:
    """What this process has open: names of files, pipes and sockets by descriptor."""
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # that of the listing itself
            found.add(f"{descriptor.name} {descriptor.readlink()}")
    return found


def children() -> list[str]:
    """Numbers of the processes that this one has started and that have not been waited for.

    Not of registries, which tests share and which live as long as the run.
    """
    found: list[str] = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError):
            found += (task / "children").read_text().split()
    return [number for number in found if _program(number) != "docker-registry"]


def _program(number: str) -> str:
    with suppress(FileNotFoundError):
        return Path("/proc", number, "comm").read_text().strip()
    return ""
