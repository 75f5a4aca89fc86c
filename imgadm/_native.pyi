"""Types of the native core (``native/``), built as an extension module."""

from collections.abc import Callable
from typing import Literal, Protocol, final, type_check_only

from typing_extensions import Buffer

KERNEL_MOVES: bool
"""Whether the kernel can move bytes between descriptors by itself (splice and tee of Linux)."""

class Cancelled(Exception):
    """The pipeline ends, so a wait for input or output was cut short."""

@final
class Meter:
    """The bytes that a stage has moved, and the seconds that it has waited.

    One thread writes it; any thread may read it at any time. Functions with a parameter ``meter``
    count their bytes and waits in it.
    """

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
    """A SHA-1 (FIPS 180-4) in progress. Several threads may use it.

    ``engine`` is one of :func:`sha1_engines`; without it the fastest is used. Raises ValueError for
    an engine that this host lacks. ``length`` is the number of bytes so far.
    """

    def __init__(self, *, engine: str = "") -> None: ...
    @property
    def length(self) -> int: ...
    def update(self, data: Buffer) -> None: ...
    def digest(self) -> bytes: ...
    def hexdigest(self) -> str: ...
    def copy(self) -> Sha1: ...

def sha1_engines() -> list[str]:
    """Return the names of the SHA-1 engines that this host has, the fastest first."""

def read_into(
    descriptor: int,
    buffer: Buffer,
    cancel: int,
    meter: Meter,
    *,
    stall_milliseconds: int = -1,
) -> int:
    """Read some bytes into ``buffer`` and return their number, 0 at the end.

    ``cancel`` is a descriptor that becomes readable when the pipeline ends. ``stall_milliseconds``
    is the longest wait for input; a negative number means for ever. Raises Cancelled, and OSError,
    with ETIMEDOUT after a longer wait.
    """

def write_all(descriptor: int, buffer: Buffer, cancel: int, meter: Meter) -> None:
    """Write all of ``buffer``; raises Cancelled and OSError. See :func:`read_into`."""

def lend_all(pipe: int, buffer: Buffer, cancel: int, meter: Meter) -> int:
    """Write all of ``buffer``; if the kernel can, lend the pipe the memory instead of a copy.

    The caller must then leave the buffer as it is until its bytes have been read. Returns the
    number of bytes in the pipe that may still need their buffers: all unread ones, or 0 if the
    kernel cannot lend. Raises Cancelled and OSError.
    """

class WriteBehind:
    """The writing of a large file to its device while it grows, and its removal from memory.

    After every ``step`` bytes it asks the kernel to write them, and a few steps later it waits for
    that. It does nothing if ``step`` is 0, and on systems other than Linux.
    """

    def __init__(self, descriptor: int, step: int) -> None: ...
    def wrote(self, offset: int, length: int) -> None:
        """Note that the caller has written ``length`` bytes at ``offset``.

        Raises OSError if the kernel could not write earlier bytes to the device.
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
) -> int:
    """Move up to ``limit`` bytes from ``source`` to ``sink``; return their number.

    It ends early only at the end of ``source``. See :func:`read_into` for the other parameters. At
    least ``floor_bytes`` have to arrive in ``floor_milliseconds`` of waiting; 0 means no such
    floor. Raises Cancelled, and OSError, with ETIMEDOUT if ``source`` is too slow.
    """

def move_and_hash(
    source: int,
    sink: int,
    cancel: int,
    meter: Meter,
    hasher: Sha1,
    *,
    limit: int = ...,
) -> int:
    """Do the same as :func:`move_bytes`, and update ``hasher`` with the bytes.

    Bytes beyond ``limit`` stay in ``source``.
    """

class Bzip2Error(ValueError):
    """The input is no complete bzip2 file; ``offset`` counts bytes of the compressed input."""

    kind: Literal["truncated", "checksum", "format"]
    offset: int

class Bzip2Decoder:
    """A decoder of bzip2 files, which may be several streams in a row, on 1 to 256 ``threads``.

    One thread at a time may feed and read; any thread may call ``close``. With one thread,
    ``readinto`` decodes. With more, as many threads of the decoder do.
    """

    def __init__(self, threads: int) -> None: ...
    @property
    def ignored_trailing_bytes(self) -> int:
        """The number of bytes fed after the last stream that do not begin another one."""

    def feed(self, data: Buffer) -> None:
        """Take a copy of compressed bytes, without waiting for their decoding.

        Raises ValueError after ``end_of_input`` or ``close``.
        """

    def end_of_input(self) -> None:
        """Note that the caller will feed nothing more."""

    def readinto(self, buffer: Buffer) -> int | None:
        """Write decoded bytes into ``buffer`` and return their number.

        Returns 0 at the end, after all checksums were right. Returns ``None`` if the caller has to
        call ``feed`` or ``end_of_input``, early enough to keep all threads busy. It writes only
        bytes whose block has the right checksum. Raises Bzip2Error, which every further call raises
        again, and ValueError after ``close``.
        """

    def close(self) -> None:
        """Stop the threads and free the memory. A second call does nothing."""

def bzip2_compress(data: Buffer, level: int) -> bytes:
    """Return ``data`` as a bzip2 stream of blocks of ``level`` (1 to 9) hundred thousand bytes.

    Data that is at least 19 bytes shorter than that fits into one block, unless runs of four equal
    bytes make it longer.
    """

class ZfsStreamError(ValueError):
    """A ZFS send stream is damaged, or of a kind that imgadm cannot use.

    ``offset`` is the byte at which the faulty record begins; for ``truncated`` and ``trailing`` it
    is the end of the stream. ``errno`` is that of an ``io`` error, 0 otherwise.
    """

    kind: Literal[
        "truncated", "trailing", "checksum", "format", "unsupported", "origin", "size", "io"
    ]
    offset: int
    errno: int

class StreamSummary:
    """The description of a ZFS send stream. Sizes are in bytes, times in seconds since 1970."""

    @property
    def type(self) -> Literal["zvol", "zfs"]: ...
    @property
    def guid(self) -> int: ...
    @property
    def from_guid(self) -> int:
        """The guid of the snapshot that an incremental stream is based on; 0 for a full stream."""
    @property
    def name(self) -> str:
        """The name of the snapshot at its sender, ``dataset@snapshot``."""
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
        """The size of a volume; ``None`` for file systems, and if a stream does not tell it."""
    @property
    def block_size(self) -> int | None: ...
    @property
    def stream_bytes(self) -> int: ...
    @property
    def logical_bytes(self) -> int: ...
    @property
    def records(self) -> dict[str, int]:
        """The number of records of each type, by its name in ``zstream dump``."""

class StreamVerifier:
    """A check of a send stream of a single snapshot, of a volume or a file system.

    ``kind`` is the only kind of stream that it accepts. ``from_guid`` is the guid of the only
    snapshot that an incremental stream may be based on: 0 accepts only full streams, ``None`` any
    stream.

    Methods raise ZfsStreamError, and release the GIL. One thread at a time may use it.
    """

    def __init__(
        self,
        *,
        kind: Literal["zfs", "zvol"] | None = None,
        from_guid: int | None = None,
        allow_trailing_bytes: bool = False,
    ) -> None: ...
    def write(self, buffer: Buffer) -> None:
        """Take the next bytes of the stream, any number of them."""
    def finish(self) -> StreamSummary:
        """Return the description of the stream, which has ended; raises if END has not come."""

class PlainStream:
    """A filter that takes a send stream out of its package, if it comes in one, for a receiver.

    It lets records pass whose headers it has checked, and nothing of a package. It keeps back END,
    without which no receiver has a complete stream.

    ``kind`` is the only kind of stream that it accepts. ``from_guid`` is the guid of the only
    snapshot that an incremental stream may be based on: 0 accepts only full streams, ``None`` any
    stream. ``size_in_mib`` is the size of a volume in MiB, rounded up. Any other size is a ``size``
    error, as soon as the stream shows it.

    Methods raise ZfsStreamError, and release the GIL. One thread at a time may use it.
    """

    def __init__(
        self,
        *,
        kind: Literal["zfs", "zvol"] | None = None,
        from_guid: int | None = None,
        size_in_mib: int | None = None,
    ) -> None: ...
    def write(self, buffer: Buffer) -> tuple[bytes, int, int]:
        """Take the next bytes; return what may be passed on.

        That is, in this order, bytes that were kept back from earlier calls, and the bytes from the
        first to the second of two offsets in ``buffer``.
        """
    def finish(self) -> StreamSummary:
        """Return the description of the stream; raises if the input is incomplete."""
    @property
    def end_record(self) -> bytes:
        """The bytes to pass on last, after :meth:`finish`."""

class RawDiskReceiver:
    """A receiver that applies the send stream of a volume to the regular file ``fd``.

    The file is open for reading and writing. A full stream replaces its content. An incremental one
    is accepted if it is based on the snapshot ``origin_guid``; the file then has to hold that
    volume, ``origin_size`` bytes long, with blocks of ``origin_block_size`` bytes (``None`` leaves
    either unchecked). The file is right after :meth:`finish` has returned, and useless after an
    error.

    ``inflate(codec, payload, size)`` decompresses ``"gzip"`` (a zlib stream with padding) and
    ``"zstd"`` (a frame without its magic number) payloads to ``size`` bytes. Any exception
    of it becomes a ``format`` error. With ``None``, such payloads are refused.
    ``write_behind_step`` is the step of :class:`WriteBehind`, in bytes. Without ``punch_holes``,
    and on file systems that cannot free parts of a file, it writes zeros where an incremental
    stream frees data. If fewer than ``reserve`` bytes of the file system are free, writing is an
    ``io`` error with ENOSPC. ``size_in_mib`` is the size of the volume in MiB, rounded up. Any
    other size is a ``size`` error, as soon as the stream shows it.

    Methods raise ZfsStreamError, and release the GIL. One thread at a time may use it. The caller
    closes the descriptor. Raises OSError for a descriptor that is not of a regular file.
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
        """The bytes of data written to the file so far, without holes."""

@type_check_only
class DiskReader(Protocol):
    """A raw disk that is not a file.

    A disk of known size also has ``find_data(offset)``, which returns the bounds of the first run
    at or after ``offset`` that may hold data; they are past the end of the disk if there is none.
    """

    def read(self, offset: int, size: int, /) -> Buffer:
        """Return at most ``size`` bytes from ``offset``; none at the end of the disk."""

class VolumeStreamWriter:
    """A writer of the send stream of a raw disk: full, or incremental against ``origin_fd``.

    ``disk`` is a descriptor or a :class:`DiskReader`. If ``size``, in bytes, is ``None``, the
    writer reads the disk once, in order, to its end, and does not need ``find_data``. It calls
    ``before_read`` now and then while it reads a descriptor; an exception of it ends the reading.

    The stream uses no features, so that every receiver takes it. An incremental one is made to be
    received as a clone of the snapshot ``from_guid``, whose block size must be ``block_size``.
    ``size`` is rounded up to whole blocks; ``block_size`` is a power of two from 512 to 131072;
    ``name`` is ``dataset@snapshot``. ``salt`` is an odd number, derived from ``guid`` by default.
    The same arguments and disks make the same bytes.

    Methods raise OSError, the exceptions of ``disk``, and ValueError for a disk that turns out to
    be empty. They release the GIL. One thread at a time may use the writer. The caller closes the
    descriptors, whose positions change. Raises ValueError for arguments that make no sense.
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
        """Fill ``buffer`` with the next bytes; return their number: fewer at the end, then 0."""
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
    """Return the fletcher-4 checksum of 32-bit words; ``vectors`` allows the vector unit."""
