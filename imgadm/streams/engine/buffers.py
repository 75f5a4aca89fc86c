"""Large reusable buffers, handed from stage to stage by reference.

A buffer has one owner at a time. Whoever takes it from a channel owns it, and either passes it on
or releases it; a stage that only looks at the bytes passes on what it got.
"""

from __future__ import annotations

import threading

#: Bytes per buffer: large enough that the work in Python per buffer does not count, small enough
#: that a few of them stay in the processors' shared cache on the way from one stage to the next.
BUFFER_SIZE = 1024 * 1024


class Buffer:
    """Some bytes: ``view`` shows them for as long as the owner has not released them."""

    __slots__ = ("_memory", "_pool", "view")

    def __init__(
        self,
        view: memoryview,
        pool: BufferPool | None = None,
        memory: bytearray | None = None,
    ) -> None:
        self.view = view
        self._pool = pool
        self._memory = memory

    def __len__(self) -> int:
        return self.view.nbytes

    def keep(self, length: int) -> Buffer:
        """Shorten the buffer to its first ``length`` bytes; returns it."""
        if length < self.view.nbytes:
            self.view = self.view[:length]
        return self

    def release(self) -> None:
        """Give the memory back for reuse. The view must not be used any more."""
        pool, memory = self._pool, self._memory
        self._pool = self._memory = None
        if pool is not None and memory is not None:
            pool.take_back(memory)


class BufferPool:
    """Buffers of one pipeline, used again. It is the channels, and who lends, that bound them."""

    def __init__(self, size: int = BUFFER_SIZE) -> None:
        self.size = size
        self._free: list[bytearray] = []
        self._lock = threading.Lock()

    def get(self) -> Buffer:
        """A buffer of ``size`` bytes of arbitrary content, all of it writable."""
        with self._lock:
            memory = self._free.pop() if self._free else None
        if memory is None:
            memory = bytearray(self.size)
        return Buffer(memoryview(memory), self, memory)

    def take_back(self, memory: bytearray) -> None:
        with self._lock:
            self._free.append(memory)
