"""The threaded decoder and encoder of the host's liblzma (5.4 or later), bound at run time.

The build needs nothing of liblzma. The layouts are those of its public ABI, lzma/base.h,
lzma/container.h and lzma/lzma12.h, which have been stable since 5.2 and, for the threaded decoder,
5.4.
"""

from __future__ import annotations

import functools
import os
from typing import Any

from cffi import FFI

from imgadm.streams.codecs.allocator import keep_freed_memory

OK = 0
STREAM_END = 1
RUN = 0
FINISH = 3
CONCATENATED = 0x08
FILTER_LZMA2 = 0x21
VLI_UNKNOWN = 2**64 - 1
CHECK_CRC64 = 4

_MESSAGES = {
    5: "not enough memory",
    6: "decoding it would take more memory than is allowed",
    7: "not in xz format",
    8: "compressed with options that are not supported",
    9: "the data is corrupt",
    10: "the data ends in the middle",
}
"""The meaning of the other return values of ``lzma_code``."""

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
typedef struct {
    uint32_t dict_size; const uint8_t *preset_dict; uint32_t preset_dict_size;
    uint32_t lc; uint32_t lp; uint32_t pb; int mode; uint32_t nice_len; int mf; uint32_t depth;
    uint32_t ext_flags; uint32_t ext_size_low; uint32_t ext_size_high;
    uint32_t reserved_integers[5]; int reserved_enums[4]; void *reserved_pointers[2];
} lzma_options_lzma;
typedef struct { uint64_t id; void *options; } lzma_filter;
int lzma_stream_decoder_mt(lzma_stream *stream, const lzma_mt *options);
int lzma_stream_encoder_mt(lzma_stream *stream, const lzma_mt *options);
uint8_t lzma_lzma_preset(lzma_options_lzma *options, uint32_t preset);
int lzma_code(lzma_stream *stream, int action);
void lzma_end(lzma_stream *stream);
"""


def message(status: int) -> str:
    """Return the words for ``status``, a failure that a function of the library returned."""
    return _MESSAGES.get(status, f"liblzma says {status}")


def load_liblzma() -> tuple[Any, Any] | None:
    """Return the binding and the library, or None if they can't be used.

    That is so if the host has no liblzma with a threaded decoder, or if ``IMGADM_LIBLZMA=0``
    forbids its use.
    """
    return None if os.environ.get("IMGADM_LIBLZMA", "1") == "0" else _loaded()


def load_liblzma_encoder() -> tuple[Any, Any] | None:
    """Return the same as :func:`load_liblzma`, but None if there is no threaded encoder either."""
    loaded = load_liblzma()
    return loaded if loaded is not None and hasattr(loaded[1], "lzma_stream_encoder_mt") else None


@functools.cache
def _loaded() -> tuple[Any, Any] | None:
    ffi = FFI()
    ffi.cdef(_DECLARATIONS)
    try:
        library: Any = ffi.dlopen("liblzma.so.5")
        library.lzma_stream_decoder_mt  # noqa: B018  resolves the symbol
    except (OSError, AttributeError):
        return None
    keep_freed_memory()
    return ffi, library
