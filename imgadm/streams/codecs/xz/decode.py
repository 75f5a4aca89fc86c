"""The xz decoder, by the host's liblzma on all processors, or else by :mod:`lzma`.

Only a file of several blocks can occupy several processors.
"""

from __future__ import annotations

import lzma
from typing import Any

from imgadm.base.compressions import COMPRESSION_FORMATS
from imgadm.streams.codecs.byte_source import ByteSource
from imgadm.streams.codecs.processors import usable_processors
from imgadm.streams.codecs.xz import liblzma
from imgadm.streams.engine.buffers import Buffer
from imgadm.streams.engine.stage import Context, Outlet
from imgadm.streams.errors import DecompressionError

_MAGIC = COMPRESSION_FORMATS["xz"].magics[0]

_MEMORY_FOR_THREADS = 80 * 1024 * 1024
"""The bytes of memory above which the decoder decodes fewer blocks at once."""

_MEMORY_LIMIT = 512 * 1024 * 1024
"""The bytes of memory that decoding may take at most; ``xz -9`` needs 65 MiB."""

_PATIENCE = 100
"""The milliseconds after which the threaded decoder returns, even without output."""


def decode(source: ByteSource, outlet: Outlet, context: Context) -> None:
    """Decode all streams and the padding between them (xz file format, section 2)."""
    loaded = liblzma.load_liblzma()
    if loaded is None:
        _decode_plain(source, outlet, context)
    else:
        _decode_threaded(source, outlet, context, *loaded)


def _fail(reason: str, source: ByteSource) -> DecompressionError:
    return DecompressionError("xz", reason, offset=source.position)


def _decode_threaded(
    source: ByteSource, outlet: Outlet, context: Context, ffi: Any, library: Any
) -> None:
    stream = ffi.new("lzma_stream *")
    options = ffi.new("lzma_mt *")
    options.flags = liblzma.CONCATENATED
    options.threads = usable_processors()
    options.timeout = _PATIENCE
    options.memlimit_threading = _MEMORY_FOR_THREADS
    options.memlimit_stop = _MEMORY_LIMIT
    status = library.lzma_stream_decoder_mt(stream, options)
    if status != liblzma.OK:
        raise _fail(liblzma.message(status), source)
    action, owner = liblzma.RUN, None
    try:
        while status != liblzma.STREAM_END:
            buffer = outlet.buffer()
            memory = ffi.from_buffer(buffer.view, require_writable=True)
            stream.next_out, stream.avail_out = memory, len(buffer)
            while stream.avail_out > 0 and status != liblzma.STREAM_END:
                context.cancel.check()
                if stream.avail_in == 0 and action == liblzma.RUN:
                    if (view := source.next()) is None:
                        action = liblzma.FINISH
                    else:
                        owner = ffi.from_buffer(view)
                        stream.next_in, stream.avail_in = owner, len(view)
                status = library.lzma_code(stream, action)
                if status not in (liblzma.OK, liblzma.STREAM_END):
                    raise _fail(liblzma.message(status), source)
            filled = len(buffer) - stream.avail_out
            del memory
            if filled:
                outlet.put(buffer.keep(filled))
            else:
                buffer.release()
    finally:
        library.lzma_end(stream)
        del owner


def _decode_plain(source: ByteSource, outlet: Outlet, context: Context) -> None:
    while head := source.peek(4):
        if head == b"\0\0\0\0":
            source.read(4)
            continue
        if source.position and not source.peek(6) == _MAGIC:
            raise _fail("something other than xz data follows the end of the xz data", source)
        decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY_LIMIT)
        while not decoder.eof:
            context.cancel.check()
            data: memoryview | bytes | None = source.next() if decoder.needs_input else b""
            if data is None:
                raise _fail("the data ends in the middle", source)
            try:
                decoded = decoder.decompress(data, outlet.pool.size)
            except lzma.LZMAError as error:
                raise _fail(str(error), source) from None
            if decoded:
                outlet.put(Buffer(memoryview(decoded)))
        source.put_back(len(decoder.unused_data))
