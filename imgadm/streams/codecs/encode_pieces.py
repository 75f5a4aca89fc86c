"""The compression of a stream in independent pieces, for formats whose files can be joined."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from imgadm.streams.codecs.allocator import keep_freed_memory
from imgadm.streams.codecs.ordered_jobs import OrderedJobs
from imgadm.streams.engine.buffers import Buffer, BufferPool
from imgadm.streams.engine.stage import Context, Inlet, Outlet

EncodePiece = Callable[[memoryview], bytes]
"""A function that compresses bytes to a whole file of the format, on any thread."""


def encode_pieces(
    inlet: Inlet,
    outlet: Outlet,
    context: Context,
    encode: EncodePiece,
    *,
    size: int,
    threads: int,
) -> None:
    """Cut the inlet into pieces of ``size`` bytes, and put each, encoded, on the outlet in order.

    ``encode`` runs on ``threads`` threads. An empty inlet is one empty piece.
    """

    def job(piece: Buffer) -> bytes:
        try:
            return encode(piece.view)
        finally:
            piece.release()

    keep_freed_memory()
    with OrderedJobs[bytes](threads, name="compress") as jobs:
        for piece in cut(inlet, size):
            context.cancel.check()
            if jobs.full:
                _put(outlet, jobs.next())
            jobs.submit(partial(job, piece))
        if not jobs and not context.meter.bytes_in:
            _put(outlet, encode(memoryview(b"")))
        while jobs:
            _put(outlet, jobs.next())


def _put(outlet: Outlet, encoded: bytes) -> None:
    outlet.put(Buffer(memoryview(encoded)))


def cut(inlet: Inlet, size: int) -> Iterator[Buffer]:
    """Yield the bytes of the inlet in buffers of ``size`` bytes; the last may be shorter.

    A buffer that has the size already is passed on without a copy.
    """
    pool = BufferPool(size)
    piece, filled = None, 0
    for buffer in inlet:
        if piece is None and len(buffer) == size:
            yield buffer
            continue
        rest = buffer.view
        while rest:
            piece = piece or pool.get()
            taken = min(len(rest), size - filled)
            piece.view[filled : filled + taken] = rest[:taken]
            rest, filled = rest[taken:], filled + taken
            if filled == size:
                yield piece
                piece, filled = None, 0
        buffer.release()
    if piece is not None:
        yield piece.keep(filled)
