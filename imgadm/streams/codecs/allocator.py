"""The settings of the C library's allocator for large buffers that are freed and needed again."""

from __future__ import annotations

import contextlib
import ctypes
import functools

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
"""The number of this parameter and of the one above in glibc's malloc.h."""

_LARGEST_KEPT = 4 * 1024 * 1024
"""The size in bytes above which a buffer comes from the kernel and goes back to it.

Without this limit, glibc keeps a decoder's largest buffers (24 MiB for each block of ``xz -6``) in
its heaps once some have been freed, in pieces that no longer fit: 20 MiB more at the peak of a
large image.
"""

_KEPT = 32 * 1024 * 1024
"""The number of free bytes that glibc keeps at the end of a heap.

The buffers of several threads come and go there. With the usual 128 KiB, getting new pages takes a
fifth of the time to decode gzip.
"""


@functools.cache
def keep_freed_memory() -> None:
    """Have the allocator reuse buffers of a few MiB and give those of many MiB to the kernel.

    Only the first call does anything.
    """
    with contextlib.suppress(OSError, AttributeError):  # only glibc has mallopt
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT)
        mallopt(_M_TRIM_THRESHOLD, _KEPT)
