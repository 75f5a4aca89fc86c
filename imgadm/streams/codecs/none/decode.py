"""The decoder of uncompressed data, which passes the bytes on as they are."""

from __future__ import annotations

from imgadm.streams.codecs.byte_source import ByteSource
from imgadm.streams.engine.stage import Context, Outlet


def decode(source: ByteSource, outlet: Outlet, context: Context) -> None:
    """Copy the rest of ``source``, whose first bytes showed that it is in no compression."""
    while (view := source.next(outlet.pool.size)) is not None:
        context.cancel.check()
        buffer = outlet.buffer().keep(len(view))
        buffer.view[:] = view
        outlet.put(buffer)
