"""The bzip2 decoder, in native code, which decodes one block on each processor at a time."""

from __future__ import annotations

from imgadm._native import Bzip2Decoder, Bzip2Error
from imgadm.streams.codecs.byte_source import ByteSource
from imgadm.streams.codecs.processors import usable_processors
from imgadm.streams.engine.stage import Context, Outlet
from imgadm.streams.errors import DecompressionError


def decode(source: ByteSource, outlet: Outlet, context: Context) -> None:
    """Decode all streams, then ignore and note the bytes behind the last one, as bzip2 does."""
    decoder = Bzip2Decoder(usable_processors())
    try:
        buffer = outlet.buffer()
        while (size := decoder.readinto(buffer.view)) != 0:
            context.cancel.check()
            if size is not None:
                outlet.put(buffer.keep(size))
                buffer = outlet.buffer()
            elif (view := source.next()) is not None:
                decoder.feed(view)
            else:
                decoder.end_of_input()
        if decoder.ignored_trailing_bytes:
            context.notes.append(
                f"ignored {decoder.ignored_trailing_bytes} bytes after the end of the bzip2 data"
            )
    except Bzip2Error as error:
        raise DecompressionError("bzip2", str(error), offset=error.offset) from None
    finally:
        decoder.close()
