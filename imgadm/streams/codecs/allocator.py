"""How the C library keeps memory that is freed and needed again at once."""

from __future__ import annotations

import contextlib
import ctypes
import functools

#: glibc, malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3

#: What is larger comes from the kernel and goes back to it. Left alone, glibc takes to keeping a
#: decoder's largest buffers (24 MiB for each block of ``xz -6``) in its heaps once some have been
#: freed, in pieces that fit no more: 20 MiB more at the peak of a large image.
_LARGEST_KEPT = 4 * 1024 * 1024

#: Free bytes at the end of a heap that are kept. The buffers of several threads come and go there:
#: with the usual 128 KiB, a fifth of the time to decode gzip is spent getting pages anew.
_KEPT = 32 * 1024 * 1024


@functools.cache
def keep_freed_memory() -> None:
    """Have buffers of a few MiB reused, and those of many MiB given back. Does it once."""
    with contextlib.suppress(OSError, AttributeError):  # there is no mallopt but in glibc
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT)
        mallopt(_M_TRIM_THRESHOLD, _KEPT)
