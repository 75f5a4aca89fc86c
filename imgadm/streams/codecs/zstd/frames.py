"""The boundaries of Zstandard frames (RFC 8878, section 3.1), found without decoding them."""

from __future__ import annotations

from collections.abc import Generator

_MAGIC = 0xFD2FB528
_SKIPPABLE_MAGIC = 0x184D2A50
_RLE = 1


class FrameTracker:
    """A parser of frame and block headers in data that is fed in pieces of any size."""

    def __init__(self) -> None:
        self._between_frames = True
        self._steps = self._follow()
        self._wanted = next(self._steps)
        self._header = b""

    @property
    def complete(self) -> bool:
        """Whether the data fed so far ends where a frame ends."""
        return self._between_frames and self._wanted[0] == 0 and not self._header

    def feed(self, data: bytes) -> None:
        """Parse the next bytes. Bytes that belong to no frame are left to the decoder to refuse."""
        position = 0
        while position < len(data):
            skip, need = self._wanted
            if skip:
                taken = min(skip, len(data) - position)
                position += taken
                self._wanted = (skip - taken, need)
                continue
            taken = min(need - len(self._header), len(data) - position)
            self._header += data[position : position + taken]
            position += taken
            if len(self._header) == need:
                header, self._header = self._header, b""
                self._wanted = self._steps.send(int.from_bytes(header, "little"))

    def _follow(self) -> Generator[tuple[int, int], int, None]:
        """Yield the number of bytes to skip and that of the next header; receive that header."""
        trailing = 0
        while True:
            self._between_frames = True
            magic = yield trailing, 4
            trailing = 0
            self._between_frames = False
            if magic & 0xFFFFFFF0 == _SKIPPABLE_MAGIC:
                trailing = yield 0, 4
                continue
            if magic != _MAGIC:
                continue
            descriptor = yield 0, 1
            skip = self._header_size(descriptor)
            last = False
            while not last:
                block = yield skip, 3
                last = bool(block & 1)
                skip = 1 if block >> 1 & 3 == _RLE else block >> 3
            trailing = skip + (4 if descriptor & 4 else 0)

    @staticmethod
    def _header_size(descriptor: int) -> int:
        single_segment = descriptor >> 5 & 1
        content_size = (single_segment, 2, 4, 8)[descriptor >> 6]
        dictionary_id = (0, 1, 2, 4)[descriptor & 3]
        return content_size + dictionary_id + (0 if single_segment else 1)
