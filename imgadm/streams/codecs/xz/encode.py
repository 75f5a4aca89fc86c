"""The xz encoder, which writes several blocks, each on a processor of its own.

The host's liblzma makes them, or :mod:`lzma` where it can't be loaded.
"""

from __future__ import annotations

import lzma
from typing import Any

from imgadm.streams.codecs.encode_pieces import encode_pieces
from imgadm.streams.codecs.loading import EncoderSettings
from imgadm.streams.codecs.xz import liblzma
from imgadm.streams.engine.stage import Context, Inlet, Outlet
from imgadm.streams.errors import CompressionError

BLOCK_CONTENT_SIZE = 6 * 1024 * 1024
"""The number of bytes of content in a block, and the largest size of a dictionary.

It decides how much memory a thread needs. With blocks of 24 MiB, as ``xz -6`` makes them, the
result is smaller by a fiftieth and a thread takes twice the memory.
"""

_THREAD_MEMORY = 100 * 1024 * 1024
"""The largest number of bytes that one thread needs."""

_MEMORY_LIMIT = 1024 * 1024 * 1024
"""The number of bytes that all threads may need together; it bounds the number of threads."""

_PATIENCE = 100
"""The milliseconds after which the threaded encoder returns, even without output."""

_STEP = 64 * 1024
"""The number of bytes after which :mod:`lzma`'s encoder checks for a cancelled pipeline."""

_DICTIONARY = (0.25, 1, 2, 4, 4, 8, 8, 16, 32, 64)
"""The dictionary sizes of the levels, in MiB."""


def encode(inlet: Inlet, outlet: Outlet, context: Context, settings: EncoderSettings) -> None:
    """Write one stream of blocks, or a stream for each block where liblzma can't be loaded."""
    threads = min(settings.threads, _MEMORY_LIMIT // _THREAD_MEMORY)
    bounded = EncoderSettings(settings.level, threads)
    loaded = liblzma.load_liblzma_encoder()
    if loaded is None:
        _encode_plain(inlet, outlet, context, bounded)
    else:
        _encode_threaded(inlet, outlet, context, bounded, *loaded)


def _dictionary_size(level: int) -> int:
    return min(int(_DICTIONARY[level] * 1024 * 1024), BLOCK_CONTENT_SIZE)


def _encode_threaded(
    inlet: Inlet,
    outlet: Outlet,
    context: Context,
    settings: EncoderSettings,
    ffi: Any,
    library: Any,
) -> None:
    preset = ffi.new("lzma_options_lzma *")
    library.lzma_lzma_preset(preset, settings.level)
    preset.dict_size = _dictionary_size(settings.level)
    filters = ffi.new("lzma_filter[2]")
    filters[0].id, filters[0].options = liblzma.FILTER_LZMA2, preset
    filters[1].id = liblzma.VLI_UNKNOWN
    options = ffi.new("lzma_mt *")
    options.threads = settings.threads
    options.block_size = BLOCK_CONTENT_SIZE
    options.timeout = _PATIENCE
    options.filters = filters
    options.check = liblzma.CHECK_CRC64
    stream = ffi.new("lzma_stream *")
    status = library.lzma_stream_encoder_mt(stream, options)
    if status != liblzma.OK:
        raise _fail(status, context)
    action, owner, taken = liblzma.RUN, None, None
    try:
        while status != liblzma.STREAM_END:
            buffer = outlet.buffer()
            memory = ffi.from_buffer(buffer.view, require_writable=True)
            stream.next_out, stream.avail_out = memory, len(buffer)
            while stream.avail_out > 0 and status != liblzma.STREAM_END:
                context.cancel.check()
                if stream.avail_in == 0 and action == liblzma.RUN:
                    owner = None
                    if taken is not None:
                        taken.release()
                    if (taken := inlet.get()) is None:
                        action = liblzma.FINISH
                    else:
                        owner = ffi.from_buffer(taken.view)
                        stream.next_in, stream.avail_in = owner, len(taken)
                status = library.lzma_code(stream, action)
                if status not in (liblzma.OK, liblzma.STREAM_END):
                    raise _fail(status, context)
            filled = len(buffer) - stream.avail_out
            del memory
            outlet.put(buffer.keep(filled))
    finally:
        library.lzma_end(stream)
        del owner


def _fail(status: int, context: Context) -> CompressionError:
    return CompressionError("xz", liblzma.message(status), offset=context.meter.bytes_in)


def _encode_plain(
    inlet: Inlet, outlet: Outlet, context: Context, settings: EncoderSettings
) -> None:
    filters = [
        {
            "id": lzma.FILTER_LZMA2,
            "preset": settings.level,
            "dict_size": _dictionary_size(settings.level),
        }
    ]

    def encode_stream(content: memoryview) -> bytes:
        stream = lzma.LZMACompressor(lzma.FORMAT_XZ, lzma.CHECK_CRC64, filters=filters)
        parts = []
        for start in range(0, len(content), _STEP):
            context.cancel.check()
            parts.append(stream.compress(content[start : start + _STEP]))
        return b"".join([*parts, stream.flush()])

    encode_pieces(
        *(inlet, outlet, context, encode_stream),
        size=BLOCK_CONTENT_SIZE,
        threads=settings.threads,
    )
