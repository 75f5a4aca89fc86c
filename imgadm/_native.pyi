"""Types of the native core."""

from typing import Literal

from typing_extensions import Buffer

class Bzip2Error(ValueError):
    """The input is no whole bzip2 file; ``offset`` is in bytes of the compressed input."""

    kind: Literal["truncated", "checksum", "format"]
    offset: int

class Bzip2Decoder:
    """Decodes bzip2, streams behind one another included, on 1 to 256 threads.

    One thread at a time feeds and reads; ``close`` may come from any. With one thread the
    decoding happens within ``readinto``, with more on as many threads beside it.
    """

    def __init__(self, threads: int) -> None: ...
    @property
    def ignored_trailing_bytes(self) -> int:
        """Bytes behind the last stream that begin no other, as far as they have been fed."""

    def feed(self, data: Buffer) -> None:
        """Take a copy of compressed bytes; never waits for the decoding.

        Raises ValueError after ``end_of_input`` or ``close``.
        """

    def end_of_input(self) -> None:
        """Say that nothing more will be fed."""

    def readinto(self, buffer: Buffer) -> int | None:
        """Write decoded bytes into a writable buffer and return how many.

        0 is the end, everything verified; None asks for ``feed`` or ``end_of_input``, early
        enough to keep all threads busy. Whatever is written has passed its block's checksum.
        Raises Bzip2Error, again at every further call, and ValueError once closed.
        """

    def close(self) -> None:
        """Stop the threads and free the memory; does nothing the second time."""
