"""The threaded decoder of the host's liblzma (5.4 or later), bound at run time.

Nothing of liblzma is needed to build. Layouts are those of its public ABI, lzma/base.h and
lzma/container.h, which have been stable since 5.2 and, for the threaded decoder, 5.4.
"""

from __future__ import annotations

import contextlib
import functools
from typing import Any

from cffi import FFI

OK = 0
STREAM_END = 1
RUN = 0
FINISH = 3
CONCATENATED = 0x08

#: What the other return values of lzma_code mean.
MESSAGES = {
    5: "not enough memory",
    6: "decoding it would take more memory than is allowed",
    7: "not in xz format",
    8: "compressed with options that are not supported",
    9: "the data is corrupt",
    10: "the data ends in the middle",
}

_DECLARATIONS = """
typedef struct {
    const uint8_t *next_in; size_t avail_in; uint64_t total_in;
    uint8_t *next_out; size_t avail_out; uint64_t total_out;
    const void *allocator; void *internal;
    void *reserved_pointers[4]; uint64_t seek_position; uint64_t reserved_integer;
    size_t reserved_sizes[2]; int reserved_enums[2];
} lzma_stream;
typedef struct {
    uint32_t flags; uint32_t threads; uint64_t block_size; uint32_t timeout; uint32_t preset;
    const void *filters; int check; int reserved_enums[3]; uint32_t reserved_integers[4];
    uint64_t memlimit_threading; uint64_t memlimit_stop; uint64_t reserved_longs[2];
    void *reserved_pointers[4];
} lzma_mt;
int lzma_stream_decoder_mt(lzma_stream *stream, const lzma_mt *options);
int lzma_code(lzma_stream *stream, int action);
void lzma_end(lzma_stream *stream);
int mallopt(int parameter, int value);
"""

#: glibc, malloc.h. Left alone, it takes to keeping the decoder's buffers (24 MiB for each block of
#: ``xz -6``) in its heaps once some have been freed, in pieces that fit no more: 20 MiB more at the
#: peak of a large image.
_M_MMAP_THRESHOLD = -3
_MAPPED_FROM = 4 * 1024 * 1024


@functools.cache
def load() -> tuple[Any, Any] | None:
    """The binding and the library, or None where the host has none with a threaded decoder."""
    ffi = FFI()
    ffi.cdef(_DECLARATIONS)
    try:
        library: Any = ffi.dlopen("liblzma.so.5")
        library.lzma_stream_decoder_mt  # noqa: B018  resolves the symbol
    except (OSError, AttributeError):
        return None
    with contextlib.suppress(OSError, AttributeError):  # there is none but in glibc
        process: Any = ffi.dlopen(None)
        process.mallopt(_M_MMAP_THRESHOLD, _MAPPED_FROM)
    return ffi, library
