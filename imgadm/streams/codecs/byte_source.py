"""The compressed bytes: decoders read them, peek at them, and give back those they do not use."""

from __future__ import annotations

from collections.abc import Iterator


class ByteSource:
    """Bytes that arrive in pieces, and that a reader can take, peek at and put back.

    ``views`` yields the pieces; each is valid until the next. ``position`` is the number of bytes
    taken and not put back, for error messages.
    """

    def __init__(self, views: Iterator[memoryview]) -> None:
        self._views = views
        self._rest: memoryview = memoryview(b"")
        self._view: memoryview = self._rest
        self.position = 0
        self.blank_rest = False

    def next(self, limit: int | None = None) -> memoryview | None:
        """Take and return at most ``limit`` bytes, valid until the next call; None at the end."""
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
        """Return the next ``size`` bytes without taking them; fewer only if the end comes first."""
        while not self._rest and (view := next(self._views, None)) is not None:
            self._rest = self._view = view
        if len(self._rest) < size:
            kept = bytearray(self._rest)
            while len(kept) < size and (view := next(self._views, None)) is not None:
                kept += view
            self._rest = self._view = memoryview(kept)
        return bytes(self._rest[:size])

    def put_back(self, size: int) -> None:
        """Put back the last ``size`` bytes, all of which are from the piece taken last."""
        self._rest = self._view[len(self._view) - len(self._rest) - size :]
        self.position -= size

    def take(self, size: int) -> bytearray:
        """Take and return the next ``size`` bytes; fewer only if the end comes first."""
        taken, length = bytearray(size), 0
        with memoryview(taken) as room:
            while length < size and (view := self.next(size - length)) is not None:
                room[length : length + len(view)] = view
                length += len(view)
        del taken[length:]
        return taken

    def restore(self, taken: bytes | bytearray) -> None:
        """Put back ``taken``, the last bytes that were taken, in whatever number of pieces."""
        self._rest = self._view = memoryview(b"".join([taken, self._rest]))
        self.position -= len(taken)

    def read(self, size: int) -> bytes:
        """Take and return up to ``size`` bytes, none at the end, for libraries that read a file."""
        view = self.next(size)
        return b"" if view is None else bytes(view)

    def skip(self, size: int) -> None:
        """Take and drop the next ``size`` bytes; fewer only if the end comes first."""
        while size > 0 and (view := self.next(size)) is not None:
            size -= len(view)

    def skip_rest(self) -> int:
        """Take and drop all bytes that are left, and return their number.

        Afterwards ``blank_rest`` tells whether all of them were zeros.
        """
        before = self.position
        self.blank_rest = True
        while (view := self.next()) is not None:
            self.blank_rest = self.blank_rest and bytes(view).count(0) == len(view)
        return self.position - before
