"""The stages that verify ZFS send streams, unpack them, or apply them to a raw disk."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, get_args

from imgadm import _native
from imgadm.base.files.opening import open_regular
from imgadm.streams.engine.arguments import check_choice, check_count, check_kind, check_path
from imgadm.streams.engine.buffers import Buffer
from imgadm.streams.engine.stage import Context, Inlet, Outlet, Stage
from imgadm.streams.errors import ZfsStreamError
from imgadm.streams.files.read_write import WRITE_BEHIND_STEP
from imgadm.streams.zfs.payloads import inflate_payload
from imgadm.streams.zfs.volumes import MOST_GUID, RawVolume

StreamKind = Literal["zfs", "zvol"]
"""The kind of dataset in a stream: a file system or a volume."""


class _VerifyZfsStream(Stage):
    """The stage that :func:`verify_zfs_stream` makes."""

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
    """The stage that :func:`plain_zfs_stream` makes."""

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
    """The stage that :func:`to_raw_disk` makes."""

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
            inflate=inflate_payload,
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
    """Return a stage that passes on a ZFS send stream of one snapshot, and checks every record.

    ``kind`` is the only accepted kind; None accepts both. ``from_guid`` is the guid of the only
    snapshot that an incremental stream may be based on; 0 accepts only full streams, None any
    stream.

    The stage leaves a summary (``imgadm._native.StreamSummary``) in ``report.facts["zfs_stream"]``.
    It raises ZfsStreamError, also for a stream that is cut short, or that bytes follow.
    """
    _check_stream(kind, from_guid)
    return _VerifyZfsStream(kind, from_guid)


def plain_zfs_stream(
    *, kind: StreamKind | None = None, from_guid: int | None = None, size_in_mib: int | None = None
) -> Stage:
    """Return a stage that passes on one plain ZFS send stream, the input or the one in a package.

    ``zfs send -p`` makes packages. They contain properties, holds and names, which a receiver would
    obey. The stage passes on none of these, and passes on no record before it has checked the
    header. Without the END record, no receiver takes a stream for complete. The stage passes it on
    only after the end of the input, and so only after all stages before have succeeded.

    ``kind`` and ``from_guid`` are those of :func:`verify_zfs_stream`. ``size_in_mib`` is the size
    that the volume must have, in MiB, rounded up; None accepts any size.

    The stage leaves the summary that :func:`verify_zfs_stream` leaves. It raises ZfsStreamError.
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
    """Return a stage that applies the ZFS send stream of a volume to the raw disk ``path``.

    The disk is a sparse file. A full stream makes the file, or replaces the content of a regular
    file that exists; a link is not followed. For an incremental stream, ``path`` must hold a copy
    of the disk of ``origin``. The file is not a usable disk until the pipeline has succeeded.

    ``durable`` makes the stage sync the file at the end. ``size_in_mib`` is the size that the
    volume must have, in MiB, rounded up; None accepts any size. ``reserve`` is the number of bytes
    that must stay free on the file system; the stage fails with ENOSPC rather than use them.

    The stage leaves the summary that :func:`verify_zfs_stream` leaves. It raises ZfsStreamError for
    a stream that is damaged or can't be applied to a raw disk, and OSError.
    """
    check_path("path", path)
    if origin is not None:
        check_kind("origin", origin, RawVolume, "a RawVolume; see volume_of()")
    check_count("size_in_mib", size_in_mib)
    check_count("reserve", reserve)
    return _ToRawDisk(path, origin, durable, size_in_mib, reserve)
