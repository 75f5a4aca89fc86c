"""Raw disks as ZFS send streams of a volume, without ZFS: in full, or what differs from another."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imgadm._native import VolumeStreamWriter
from imgadm.streams.buffers import Buffer
from imgadm.streams.disk_formats import HEAD_SIZE, DiskFormatError, format_of
from imgadm.streams.disks import Disk
from imgadm.streams.stage import Context, Inlet, Outlet, Stage
from imgadm.streams.zvol import Volume

if TYPE_CHECKING:
    from imgadm._native import DiskReader

#: The volblocksize of volumes, unless somebody asks for another.
DEFAULT_BLOCK_SIZE = 8192

#: What needs no feature of a pool, so that every receiver takes it.
BLOCK_SIZES = tuple(512 << shift for shift in range(9))


@dataclass(frozen=True)
class Snapshot:
    """The snapshot of a volume that a stream is to bring.

    ``guid`` identifies it wherever it is received, so it must be new, and random. ``name`` is
    ``dataset@snapshot``, ``creation_time`` in seconds since 1970. With an ``origin``, a raw disk
    and what it is, the stream is what differs from that, to be received as its clone; its block
    size is this one's.
    """

    guid: int
    block_size: int = DEFAULT_BLOCK_SIZE
    name: str = "image@final"
    creation_time: int = 0
    origin: tuple[Path, Volume] | None = None

    def __post_init__(self) -> None:
        if self.origin is not None and self.origin[1].block_size != self.block_size:
            raise ValueError("the block size must be that of the origin")

    def volume(self, size: int) -> Volume:
        """The volume that a disk of ``size`` bytes becomes: in whole blocks."""
        blocks = -(-size // self.block_size)
        return Volume(self.guid, blocks * self.block_size, self.block_size)


class _MakesStream(Stage):
    """Fills buffers with the stream of a disk, and tells of the volume in it."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._files = ExitStack()
        self._origin_descriptor = -1

    def open(self, context: Context) -> None:
        if self._snapshot.origin is not None:
            self._origin_descriptor = os.open(self._snapshot.origin[0], os.O_RDONLY | os.O_CLOEXEC)
            self._files.callback(os.close, self._origin_descriptor)

    def _make(
        self, disk: int | DiskReader, size: int | None, context: Context, outlet: Outlet
    ) -> None:
        snapshot = self._snapshot
        origin = None if snapshot.origin is None else snapshot.origin[1]
        writer = VolumeStreamWriter(
            disk,
            size=size,
            block_size=snapshot.block_size,
            guid=snapshot.guid,
            creation_time=snapshot.creation_time,
            name=snapshot.name,
            from_guid=0 if origin is None else origin.guid,
            origin_fd=self._origin_descriptor,
            origin_size=0 if origin is None else origin.size,
            before_read=context.cancel.check,
        )
        while True:
            buffer = outlet.buffer()
            count = writer.readinto(buffer.view)
            if count == 0:
                buffer.release()
                break
            outlet.put(buffer.keep(count))
        volume = snapshot.volume(writer.volume_size if size is None else size)
        context.facts["volume"] = volume

    def _note_size(self, size: int, context: Context) -> None:
        volume = self._snapshot.volume(size)
        if volume.size != size:
            context.notes.append(
                f"the disk has {size} bytes, which is no whole number of blocks: zeros fill it up "
                f"to {volume.size}"
            )

    def close(self) -> None:
        self._files.close()


class FromDisk(_MakesStream):
    """See :func:`from_disk`."""

    name = "read disk"

    def __init__(self, disk: Disk, snapshot: Snapshot) -> None:
        super().__init__(snapshot)
        self._disk = disk

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        self._make(self._disk.content, self._disk.size, context, outlet)
        self._disk.check_unchanged()
        self._note_size(self._disk.size, context)

    def abort(self) -> None:
        self._disk.abort()


class ToVolumeStream(_MakesStream):
    """See :func:`to_volume_stream`."""

    name = "make stream"

    def __init__(self, snapshot: Snapshot, *, any_content: bool) -> None:
        super().__init__(snapshot)
        self._any_content = any_content

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        self._make(_Arriving(inlet, self._any_content), None, context, outlet)
        self._note_size(context.meter.bytes_in, context)


class _Arriving:
    """A disk whose bytes come in order, from the stage before."""

    def __init__(self, inlet: Inlet, any_content: bool) -> None:
        self._inlet = inlet
        self._head: bytes | None = None if any_content else b""
        self._buffer: Buffer | None = None
        self._rest = memoryview(b"")
        self._began = False

    def read(self, offset: int, size: int) -> memoryview:
        while self._rest.nbytes == 0:
            if self._buffer is not None:
                self._buffer.release()
            self._buffer = self._inlet.get()
            if self._buffer is None:
                self._end()
                return self._rest
            self._began = True
            self._rest = self._buffer.view
            self._look(self._rest)
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece

    def _look(self, view: memoryview) -> None:
        """Refuse what the first bytes show to be no raw disk."""
        if self._head is not None:
            self._head += view[: HEAD_SIZE - len(self._head)]
            if len(self._head) == HEAD_SIZE:
                self._judge(self._head)

    def _end(self) -> None:
        if not self._began:
            raise DiskFormatError("the disk is empty", got=0)
        if self._head is not None:
            self._judge(self._head)

    def _judge(self, head: bytes) -> None:
        self._head = None
        format_ = format_of(head)
        if format_ != "raw":
            raise DiskFormatError(
                f"this is a {format_} disk, and only a raw disk can be read while it arrives; "
                "save it to a file first",
                got=format_,
                wanted="raw",
            )


def from_disk(disk: Disk, snapshot: Snapshot) -> Stage:
    """The ZFS send stream of a disk, which stays open; see :func:`~imgadm.streams.open_disk`.

    Blocks of zeros are left out, holes are not even read, and no feature of a pool is needed to
    receive it. Leaves a :class:`Volume` in ``report.facts["volume"]``. Raises DiskChangedError if
    the disk was written to meanwhile, and what reading it raises.
    """
    return FromDisk(disk, snapshot)


def to_volume_stream(snapshot: Snapshot, *, any_content: bool = False) -> Stage:
    """Turn the bytes of a raw disk into its ZFS send stream, as :func:`from_disk` does.

    The disk is as long as what comes. Raises DiskFormatError if nothing does, or if, but for
    ``any_content``, it looks like anything but a raw disk.
    """
    return ToVolumeStream(snapshot, any_content=any_content)
