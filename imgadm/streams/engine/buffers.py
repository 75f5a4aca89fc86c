"""Large reusable buffers, handed from stage to stage by reference.

A buffer has one owner at a time. A stage that takes a buffer from a channel owns it, and either
passes it on or releases it. A stage writes only into buffers that it got from its outlet. A stage
that only looks at the bytes passes on the buffer that it took.
"""

from __future__ import annotations

import threading

from imgadm.streams.errors import MisuseError

BUFFER_SIZE = 1024 * 1024
"""Bytes per buffer.

They are so many that the work in Python for each buffer hardly counts, and so few that some buffers
fit into the processors' shared cache on their way from one stage to the next.
"""


class Buffer:
    """Some bytes. ``view`` shows them until the owner puts or releases the buffer."""

    __slots__ = ("_memory", "_owned", "view")

    def __init__(self, view: memoryview, memory: _Memory | None = None) -> None:
        self.view = view
        self._memory = memory
        self._owned = True

    def __len__(self) -> int:
        return self.view.nbytes

    def keep(self, length: int) -> Buffer:
        """Shorten the buffer to its first ``length`` bytes, and return it.

        Raises MisuseError if it has fewer.
        """
        if not 0 <= length <= self.view.nbytes:
            raise MisuseError(
                f"a buffer of {self.view.nbytes} bytes can't be kept to {length}", got=length
            )
        if length < self.view.nbytes:
            self.view = self.view[:length]
        return self

    def share(self) -> Buffer:
        """Return a second buffer that shows the same bytes, with an owner of its own.

        From then on both are read-only. The memory is reused when both have been released. Raises
        MisuseError for a buffer that was put or released.
        """
        self._check_owned()
        self.view = self.view.toreadonly()
        if self._memory is not None:
            self._memory.add_owner()
        return Buffer(self.view, self._memory)

    def hand_over(self) -> Buffer:
        """Return the buffer for its next owner; this one must not be used any more.

        Raises MisuseError for a buffer that was put or released.
        """
        self._check_owned()
        self._owned = False
        memory, self._memory = self._memory, None
        return Buffer(self.view, memory)

    def _check_owned(self) -> None:
        if not self._owned:
            raise MisuseError("the buffer was put or released before, and has another owner")

    def release(self) -> None:
        """Give the memory back for reuse. The view must not be used any more.

        Does nothing if the buffer was put or released before.
        """
        self._owned = False
        memory, self._memory = self._memory, None
        if memory is not None:
            memory.remove_owner()


class BufferPool:
    """A store of buffers for reuse. The channels and lenders of a pipeline bound their number.

    ``size`` is the number of bytes of each buffer.
    """

    def __init__(self, size: int = BUFFER_SIZE) -> None:
        self.size = size
        self._free: list[bytearray] = []
        self._lock = threading.Lock()

    def get(self) -> Buffer:
        """Return a buffer of ``size`` bytes of arbitrary content, all of it writable."""
        with self._lock:
            block = self._free.pop() if self._free else None
        if block is None:
            block = bytearray(self.size)
        return Buffer(memoryview(block), _Memory(self, block))

    def take_back(self, block: bytearray) -> None:
        """Keep ``block`` for a later :meth:`get`."""
        with self._lock:
            self._free.append(block)


class _Memory:
    """A block of a pool, and the number of buffers that show it."""

    __slots__ = ("_block", "_lock", "_owners", "_pool")

    def __init__(self, pool: BufferPool, block: bytearray) -> None:
        self._pool = pool
        self._block = block
        self._owners = 1
        self._lock = threading.Lock()

    def add_owner(self) -> None:
        with self._lock:
            self._owners += 1

    def remove_owner(self) -> None:
        with self._lock:
            self._owners -= 1
            last = self._owners == 0
        if last:
            self._pool.take_back(self._block)
