"""ZFS send streams without ZFS: verified in passing, unpacked, or applied to a raw disk."""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from imgadm import _native
from imgadm.base.files.opening import open_regular
from imgadm.streams.engine.arguments import check_choice, check_count, check_kind, check_path
from imgadm.streams.engine.buffers import Buffer
from imgadm.streams.engine.stage import Context, Inlet, Outlet, Stage
from imgadm.streams.errors import StreamError, ZfsStreamError
from imgadm.streams.files.read_write import WRITE_BEHIND_STEP

StreamKind = Literal["zfs", "zvol"]
"""What a stream is of: a file system or a volume."""

_SMALLEST_WINDOW_LIMIT = 8 * 1024 * 1024
"""Windows of zstd up to this many bytes are accepted for blocks of any size: what every decoder
should support (RFC 8878, section 3.1.1.1.2).
"""


MOST_GUID = (1 << 64) - 1
"""The largest guid: they have 64 bits."""


@dataclass(frozen=True)
class RawVolume:
    """A raw disk as a snapshot of a volume: what an incremental stream must be told of its base.

    ``guid`` is the snapshot's, ``size`` and ``block_size`` (volblocksize) are in bytes.
    """

    guid: int
    size: int
    block_size: int


class _VerifyZfsStream(Stage):
    """See :func:`verify_zfs_stream`."""

    name = "verify"
    judges_content = True

    def __init__(self, kind: StreamKind | None, from_guid: int | None) -> None:
        self._kind: StreamKind | None = kind
        self._from_guid = from_guid

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        verifier = _native.StreamVerifier(kind=self._kind, from_guid=self._from_guid)
        with _typed_errors():
            for buffer in inlet:
                verifier.write(buffer.view)
                outlet.put(buffer)
            context.facts["zfs_stream"] = verifier.finish()


class _PlainZfsStream(Stage):
    """See :func:`plain_zfs_stream`."""

    name = "verify"
    judges_content = True

    def __init__(
        self, kind: StreamKind | None, from_guid: int | None, size_in_mib: int | None
    ) -> None:
        self._stream = _native.PlainStream(kind=kind, from_guid=from_guid, size_in_mib=size_in_mib)

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        stream = self._stream
        with _typed_errors():
            for buffer in inlet:
                before, start, stop = stream.write(buffer.view)
                if before:
                    outlet.put(Buffer(memoryview(before)))
                buffer.view = buffer.view[start:stop]
                if len(buffer):
                    outlet.put(buffer)
                else:
                    buffer.release()
            context.facts["zfs_stream"] = stream.finish()
        outlet.put(Buffer(memoryview(stream.end_record)))


class _ToRawDisk(Stage):
    """See :func:`to_raw_disk`."""

    name = "write disk"
    role = "sink"
    judges_content = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        origin: RawVolume | None,
        durable: bool,
        size_in_mib: int | None,
        reserve: int,
    ) -> None:
        self._path = Path(path)
        self._origin = origin
        self._durable = durable
        self._size_in_mib = size_in_mib
        self._reserve = reserve
        self._descriptor = -1

    def open(self, context: Context) -> None:
        if self._origin is None:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with contextlib.suppress(FileExistsError):
                self._descriptor = os.open(self._path, flags, 0o666)
                return
        self._descriptor = open_regular(self._path, os.O_RDWR)
        if self._origin is None:
            os.ftruncate(self._descriptor, 0)

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        origin = self._origin
        receiver = _native.RawDiskReceiver(
            self._descriptor,
            origin_guid=None if origin is None else origin.guid,
            origin_block_size=None if origin is None else origin.block_size,
            origin_size=None if origin is None else origin.size,
            inflate=inflate,
            write_behind_step=WRITE_BEHIND_STEP if self._durable else 0,
            reserve=self._reserve,
            size_in_mib=self._size_in_mib,
        )
        with _typed_errors():
            for view in inlet.views():
                context.cancel.check()
                receiver.write(view)
            context.facts["zfs_stream"] = receiver.finish()
        if self._durable:
            os.fsync(self._descriptor)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def inflate(codec: str, payload: bytes, size: int) -> bytes:
    """Decompress a record's payload in a codec that the native core leaves to libraries.

    A zlib stream for ``gzip``, a frame without its magic number for ``zstd``; what follows either
    is padding. Raises ValueError.
    """
    return _inflate_gzip(payload, size) if codec == "gzip" else _inflate_zstd(payload, size)


def _inflate_gzip(payload: bytes, size: int) -> bytes:
    decoder = zlib.decompressobj()
    try:
        content = decoder.decompress(payload, size + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if len(content) <= size and not decoder.eof:
        raise ValueError("the data ends in the middle")
    return content


def _inflate_zstd(payload: bytes, size: int) -> bytes:
    import zstandard

    magicless = zstandard.FORMAT_ZSTD1_MAGICLESS
    try:
        # The library takes as much memory as a frame claims, so the claims are looked at first.
        frame = zstandard.get_frame_parameters(payload, format=magicless)
        if frame.content_size not in (size, zstandard.CONTENTSIZE_UNKNOWN):
            raise ValueError(f"claims {frame.content_size} bytes, wanted {size}")
        if frame.dict_id:
            raise ValueError(f"needs the dictionary {frame.dict_id}, which no stream has")
        # OpenZFS compresses with windows that are no larger than the block.
        window = max(_SMALLEST_WINDOW_LIMIT, 1 << (size - 1).bit_length())
        if frame.window_size > window:
            raise ValueError(f"needs a window of {frame.window_size} bytes, more than {window}")
        decompressor = zstandard.ZstdDecompressor(format=magicless, max_window_size=window)
        return decompressor.decompress(payload, max_output_size=size, allow_extra_data=True)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from None


@contextmanager
def _typed_errors() -> Iterator[None]:
    try:
        yield
    except _native.ZfsStreamError as error:
        if error.errno:
            raise OSError(error.errno, os.strerror(error.errno)) from None
        raise ZfsStreamError(error.kind, str(error), offset=error.offset) from None


def _check_stream(kind: StreamKind | None, from_guid: int | None) -> None:
    if kind is not None:
        check_choice("kind", kind, get_args(StreamKind))
    check_count("from_guid", from_guid, most=MOST_GUID)


def verify_zfs_stream(*, kind: StreamKind | None = None, from_guid: int | None = None) -> Stage:
    """Pass on a ZFS send stream of one snapshot, checking every record of it.

    ``kind`` is the only kind that is accepted, ``from_guid`` the guid of the only snapshot that an
    incremental stream may be based on: 0 accepts full streams alone, None any stream.

    Leaves a summary (``imgadm._native.StreamSummary``) in ``report.facts["zfs_stream"]``. Raises
    ZfsStreamError, at the end also for a stream that is cut short or goes on after its end.
    """
    _check_stream(kind, from_guid)
    return _VerifyZfsStream(kind, from_guid)


def plain_zfs_stream(
    *, kind: StreamKind | None = None, from_guid: int | None = None, size_in_mib: int | None = None
) -> Stage:
    """Pass on the one plain ZFS send stream that the input is, or that a package holds.

    A package is what ``zfs send -p`` makes: properties, holds and names that a receiver would obey.
    None of that is passed on, nor a record whose header has not been checked. The END record, and
    so a stream that a receiver takes for whole, comes only after the end of the input, which the
    stages before show when they have succeeded.

    ``kind`` and ``from_guid``, of the snapshot that an incremental stream may be based on (0: it
    must be a full one), refuse all others where they are given. ``size_in_mib`` is the size of the
    volume in MiB, rounded up.

    The summary is left as by :func:`verify_zfs_stream`. Raises ZfsStreamError.
    """
    _check_stream(kind, from_guid)
    check_count("size_in_mib", size_in_mib)
    return _PlainZfsStream(kind, from_guid, size_in_mib)


def to_raw_disk(
    path: str | os.PathLike[str],
    *,
    origin: RawVolume | None = None,
    durable: bool = True,
    size_in_mib: int | None = None,
    reserve: int = 0,
) -> Stage:
    """Apply the ZFS send stream of a volume to the raw disk ``path``, a sparse file.

    A full stream makes the file, or writes to the regular file that is there anew; a link is not
    followed. An incremental one needs ``path`` to hold a copy of the disk of ``origin``. Until the
    pipeline has succeeded the content means nothing. The summary is left as by
    :func:`verify_zfs_stream`. ``durable`` syncs the file at the end. ``size_in_mib`` is what the
    volume must have, in MiB, the last of them perhaps not full. Where fewer than ``reserve`` bytes
    of the file system are left free, it fails with ENOSPC.

    Raises ZfsStreamError (damage, or a stream that can't be applied to a raw disk) and OSError.
    """
    check_path("path", path)
    if origin is not None:
        check_kind("origin", origin, RawVolume, "a RawVolume; see volume_of()")
    check_count("size_in_mib", size_in_mib)
    check_count("reserve", reserve)
    return _ToRawDisk(path, origin, durable, size_in_mib, reserve)


def volume_of(summary: _native.StreamSummary) -> RawVolume:
    """The volume that a raw disk holds once the stream of ``summary`` has been applied."""
    if summary.volume_size is None or summary.block_size is None:
        raise StreamError("the stream does not say how large the volume is")
    return RawVolume(summary.guid, summary.volume_size, summary.block_size)
