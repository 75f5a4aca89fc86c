"""The compressed bytes, as decoders like to take them."""

from __future__ import annotations

from collections.abc import Iterator


class ByteSource:
    """Bytes that arrive in pieces, to be peeked at, put back, and read to their end.

    ``position`` is the number of bytes taken for good, for error messages.
    """

    def __init__(self, views: Iterator[memoryview]) -> None:
        self._views = views
        self._rest: memoryview = memoryview(b"")
        self._view: memoryview = self._rest
        self.position = 0
        self.blank_rest = False

    def next(self, limit: int | None = None) -> memoryview | None:
        """Some bytes, at most ``limit``, valid until the next call; None at the end."""
        while not self._rest:
            view = next(self._views, None)
            if view is None:
                return None
            self._rest = self._view = view
        piece = self._rest if limit is None else self._rest[:limit]
        self._rest = self._rest[len(piece) :]
        self.position += len(piece)
        return piece

    def peek(self, size: int) -> bytes:
        """The next bytes without taking them: ``size`` of them unless the end comes first."""
        while not self._rest and (view := next(self._views, None)) is not None:
            self._rest = self._view = view
        if len(self._rest) < size:
            kept = bytearray(self._rest)
            while len(kept) < size and (view := next(self._views, None)) is not None:
                kept += view
            self._rest = self._view = memoryview(kept)
        return bytes(self._rest[:size])

    def put_back(self, size: int) -> None:
        """Undo the taking of the last ``size`` bytes, all of them from the piece taken last."""
        self._rest = self._view[len(self._view) - len(self._rest) - size :]
        self.position -= size

    def take(self, size: int) -> bytearray:
        """The next ``size`` bytes, fewer only if the end comes first."""
        taken, length = bytearray(size), 0
        with memoryview(taken) as room:
            while length < size and (view := self.next(size - length)) is not None:
                room[length : length + len(view)] = view
                length += len(view)
        del taken[length:]
        return taken

    def restore(self, taken: bytes | bytearray) -> None:
        """Undo the taking of the last bytes, whatever number of pieces they came in."""
        self._rest = self._view = memoryview(b"".join([taken, self._rest]))
        self.position -= len(taken)

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; empty at the end. For libraries that want a file."""
        view = self.next(size)
        return b"" if view is None else bytes(view)

    def skip(self, size: int) -> None:
        """Take and drop the next ``size`` bytes; fewer only if the end comes first."""
        while size > 0 and (view := self.next(size)) is not None:
            size -= len(view)

    def skip_rest(self) -> int:
        """Take and drop everything that is left; returns how many bytes that was.

        ``blank_rest`` tells from then on whether all of them were zeros.
        """
        before = self.position
        self.blank_rest = True
        while (view := self.next()) is not None:
            self.blank_rest = self.blank_rest and bytes(view).count(0) == len(view)
        return self.position - before
