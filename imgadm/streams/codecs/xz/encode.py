"""xz of several blocks, by the host's liblzma on all processors, or by :mod:`lzma` on as many."""

from __future__ import annotations

import lzma
from typing import Any

from imgadm.streams.codecs.encode_pieces import encode_pieces
from imgadm.streams.codecs.loading import EncoderSettings
from imgadm.streams.codecs.xz import liblzma
from imgadm.streams.engine.stage import Context, Inlet, Outlet
from imgadm.streams.errors import CompressionError

#: Bytes of content in a block, and most of a dictionary: it decides about the memory of a thread.
#: ``xz -6`` has blocks of 24 MiB, which are smaller by a fiftieth, and take twice the memory.
BLOCK_CONTENT_SIZE = 6 * 1024 * 1024

#: Bytes that a thread needs at most, and that all of them may take. There are fewer otherwise.
_THREAD_MEMORY = 100 * 1024 * 1024
_MEMORY_LIMIT = 1024 * 1024 * 1024

#: Milliseconds after which the threaded encoder returns even if it has nothing yet.
_PATIENCE = 100

#: Bytes after which a plain encoder looks whether the pipeline is ending.
_STEP = 64 * 1024

#: Dictionary sizes of the presets, in MiB.
_DICTIONARY = (0.25, 1, 2, 4, 4, 8, 8, 16, 32, 64)


def encode(inlet: Inlet, outlet: Outlet, context: Context, settings: EncoderSettings) -> None:
    """Write one stream of blocks; where liblzma can't be loaded, a stream for each block."""
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
