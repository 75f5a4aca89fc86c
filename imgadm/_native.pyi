"""Types of the native core (``native/``), built as an extension module."""

from collections.abc import Callable
from typing import Literal, Protocol, final, type_check_only

from typing_extensions import Buffer

KERNEL_MOVES: bool

class Cancelled(Exception): ...

@final
class Meter:
    @property
    def bytes_in(self) -> int: ...
    @property
    def bytes_out(self) -> int: ...
    @property
    def waited_for_input(self) -> float: ...
    @property
    def waited_for_output(self) -> float: ...
    def add_in(self, count: int) -> None: ...
    def add_out(self, count: int) -> None: ...
    def begin_input_wait(self) -> None: ...
    def begin_output_wait(self) -> None: ...
    def end_wait(self) -> None: ...

@final
class Sha1:
    def __init__(self, *, engine: str = "") -> None: ...
    @property
    def length(self) -> int: ...
    def update(self, data: Buffer) -> None: ...
    def digest(self) -> bytes: ...
    def hexdigest(self) -> str: ...
    def copy(self) -> Sha1: ...

def sha1_engines() -> list[str]: ...
def read_into(
    descriptor: int,
    buffer: Buffer,
    cancel: int,
    meter: Meter,
    *,
    stall_milliseconds: int = -1,
) -> int: ...
def write_all(descriptor: int, buffer: Buffer, cancel: int, meter: Meter) -> None: ...
def lend_all(pipe: int, buffer: Buffer, cancel: int, meter: Meter) -> int:
    """Write all, but where the kernel can, let the pipe have the memory itself and not a copy.

    The buffer must then stay as it is until its bytes have been read. Returns how many bytes that
    are in the pipe may still need their buffers: all that are unread; none where it can't lend.
    """

class WriteBehind:
    """Has a large file written to its device while it grows, and then dropped from memory.

    After every ``step`` bytes the kernel is asked to write them, and a few steps later waited
    for; on Linux, elsewhere nothing is done. With a step of 0 nothing is done anywhere.
    """

    def __init__(self, descriptor: int, step: int) -> None: ...
    def wrote(self, offset: int, length: int) -> None:
        """Say that so many bytes have been written at ``offset``.

        Raises OSError if earlier ones could not be written to the device.
        """

def move_bytes(
    source: int,
    sink: int,
    cancel: int,
    meter: Meter,
    *,
    limit: int = ...,
    stall_milliseconds: int = -1,
    floor_bytes: int = 0,
    floor_milliseconds: int = 0,
) -> int: ...
def move_and_hash(
    source: int,
    sink: int,
    cancel: int,
    meter: Meter,
    hasher: Sha1,
    *,
    limit: int = ...,
) -> int: ...

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

def bzip2_compress(data: Buffer, level: int) -> bytes:
    """Return a bzip2 stream of blocks of ``level`` (1 to 9) hundred thousand bytes.

    Up to 19 bytes fewer than that fit into one block, unless runs of four bytes make them longer.
    """

class ZfsStreamError(ValueError):
    """A ZFS send stream is damaged, or is not of a kind that can be used.

    ``offset`` is the byte at which the record at fault begins; for ``truncated`` and ``trailing``
    it is where the stream ends. ``errno`` is that of an ``io`` error, 0 otherwise.
    """

    kind: Literal[
        "truncated", "trailing", "checksum", "format", "unsupported", "origin", "size", "io"
    ]
    offset: int
    errno: int

class StreamSummary:
    """What a ZFS send stream is. Sizes are in bytes, times in seconds since 1970."""

    @property
    def type(self) -> Literal["zvol", "zfs"]: ...
    @property
    def guid(self) -> int: ...
    @property
    def from_guid(self) -> int:
        """Guid of the snapshot that an incremental stream starts from; 0 for a full stream."""
    @property
    def name(self) -> str:
        """The snapshot as its sender called it, ``dataset@snapshot``."""
    @property
    def creation_time(self) -> int: ...
    @property
    def features(self) -> int: ...
    @property
    def flags(self) -> int: ...
    @property
    def clone(self) -> bool: ...
    @property
    def byte_order(self) -> Literal["little", "big"]: ...
    @property
    def volume_size(self) -> int | None:
        """None for file systems, and for what verified an incremental that does not tell it."""
    @property
    def block_size(self) -> int | None: ...
    @property
    def stream_bytes(self) -> int: ...
    @property
    def logical_bytes(self) -> int: ...
    @property
    def records(self) -> dict[str, int]:
        """Count of every record type, by its name in ``zstream dump``."""

class StreamVerifier:
    """Checks a send stream of a single snapshot, of a volume or a file system.

    ``kind`` is the only kind of stream that is accepted, and ``from_guid`` the only snapshot that
    an incremental one may be based on: 0 accepts full streams alone, None any stream.

    Methods raise ZfsStreamError, and release the GIL. One thread at a time.
    """

    def __init__(
        self,
        *,
        kind: Literal["zfs", "zvol"] | None = None,
        from_guid: int | None = None,
        allow_trailing_bytes: bool = False,
    ) -> None: ...
    def write(self, buffer: Buffer) -> None:
        """Take the next bytes of the stream, as many or few as there are."""
    def finish(self) -> StreamSummary:
        """Say that the stream has ended; raises where END has not come."""

class PlainStream:
    """Takes a send stream out of its package, if it comes in one, for a receiver.

    Of the input, what a receiver may have is told: records whose headers have been checked, and
    nothing of a package. END, without which a stream is not whole, is kept back.

    ``kind`` is the only one of stream that is accepted, and ``from_guid`` the only snapshot that
    an incremental one may be based on: 0 accepts full streams alone, None any stream.
    ``size_in_mib`` is what a volume must have, in MiB, the last of them perhaps not full; anything
    else is a ``size`` error, as soon as the stream shows it.

    Methods raise ZfsStreamError, and release the GIL. One thread at a time.
    """

    def __init__(
        self,
        *,
        kind: Literal["zfs", "zvol"] | None = None,
        from_guid: int | None = None,
        size_in_mib: int | None = None,
    ) -> None: ...
    def write(self, buffer: Buffer) -> tuple[bytes, int, int]:
        """Take the next bytes; what may be passed on are bytes kept back, and a range of these."""
    def finish(self) -> StreamSummary:
        """Say that the input has ended; raises where it is not whole."""
    @property
    def end_record(self) -> bytes:
        """What is to be passed on last, after :meth:`finish`."""

class RawDiskReceiver:
    """Applies the send stream of a volume to a regular file, open for reading and writing.

    A full stream replaces what the file holds. An incremental one is accepted where its origin
    is ``origin_guid`` and the file holds that volume, ``origin_size`` bytes long, of blocks of
    ``origin_block_size`` bytes (None leaves either unchecked). The file is right once
    :meth:`finish` has returned, and worthless after an error.

    ``inflate(codec, payload, size)`` decompresses ``"gzip"`` (a zlib stream with padding) and
    ``"zstd"`` (a frame without its magic number) payloads to ``size`` bytes; what it raises
    becomes a ``format`` error. None refuses such payloads. ``write_behind_step`` is that
    of :class:`WriteBehind`, in bytes.
    Without ``punch_holes``, and on file systems that cannot free parts of a file, zeros are
    written where an incremental stream frees data. Where fewer than ``reserve`` bytes of the file
    system are free, writing is an ``io`` error with ENOSPC. ``size_in_mib`` is what the volume must
    have, in MiB, the last of them perhaps not full; anything else is a ``size`` error, as soon as
    the stream shows it.

    Methods raise ZfsStreamError, and release the GIL. One thread at a time. The descriptor stays
    the caller's. Raises OSError for a descriptor that is not of a regular file.
    """

    def __init__(
        self,
        fd: int,
        *,
        origin_guid: int | None = None,
        origin_block_size: int | None = None,
        origin_size: int | None = None,
        inflate: Callable[[str, bytes, int], bytes] | None = None,
        write_behind_step: int = 0,
        punch_holes: bool = True,
        reserve: int = 0,
        size_in_mib: int | None = None,
    ) -> None: ...
    def write(self, buffer: Buffer) -> None: ...
    def finish(self) -> StreamSummary: ...
    @property
    def bytes_written(self) -> int:
        """Bytes of data written to the file so far; holes do not count."""

@type_check_only
class DiskReader(Protocol):
    """A raw disk that is not a file.

    One of known size also has ``find_data(offset)``, which returns the bounds of the first run at
    or after ``offset`` that may hold data; past the end of the disk if there is none.
    """

    def read(self, offset: int, size: int, /) -> Buffer:
        """At most ``size`` bytes from ``offset``; none where the disk ends."""

class VolumeStreamWriter:
    """Makes the send stream of a raw disk: full, or incremental against ``origin_fd``.

    ``disk`` is a descriptor, or reads by itself. With ``size`` None the disk is as long as what it
    reads, which happens once and in order; ``find_data`` is not needed then. ``before_read`` is
    called now and then while a descriptor is read; what it raises ends that.

    The stream uses no features, so that every receiver takes it. An incremental one is made to be
    received as a clone of the snapshot ``from_guid``, whose block size must be ``block_size``.
    ``size`` is rounded up to whole blocks; ``block_size`` is a power of two from 512 to 131072;
    ``name`` is ``dataset@snapshot``. ``salt`` is an odd number, derived from ``guid`` by default.
    The same arguments and disks make the same bytes.

    Methods raise OSError, whatever ``disk`` raises, and ValueError for a disk that turns out to be
    empty; they release the GIL. One thread at a time. The descriptors stay the caller's, their
    positions are not kept. Raises ValueError for arguments that make no sense.
    """

    def __init__(
        self,
        disk: int | DiskReader,
        *,
        size: int | None,
        block_size: int,
        guid: int,
        creation_time: int,
        name: str,
        from_guid: int = 0,
        origin_fd: int = -1,
        origin_size: int = 0,
        salt: int | None = None,
        before_read: Callable[[], object] | None = None,
    ) -> None: ...
    def readinto(self, buffer: Buffer) -> int:
        """Fill ``buffer`` with the next bytes; returns how many, fewer only at the end, then 0."""
    def measure(self) -> int:
        """Return the length of the whole stream in bytes; reads the disks but makes no stream.

        Raises ValueError if the size of the disk is not known.
        """
    @property
    def volume_size(self) -> int:
        """The size of the disk in whole blocks; final at the end only if it was not known."""

def fletcher4(
    buffer: Buffer, *, big_endian: bool = False, vectors: bool = True
) -> tuple[int, int, int, int]:
    """Return the checksum of whole 32-bit words; ``vectors`` allows the processor's vector unit."""
