"""Raw disks as ZFS send streams of a volume, without ZFS: in full, or what differs from another."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imgadm._native import VolumeStreamWriter
from imgadm.base.files.opening import open_regular
from imgadm.streams.disks.disk import Disk
from imgadm.streams.disks.disk_contents import CONTENT_HEAD_SIZE
from imgadm.streams.disks.disk_look import DiskLook
from imgadm.streams.disks.formats import (
    TAIL_SIZE,
    VHD_COOKIE,
    VHD_FOOTER_SIZE,
    DiskFormatError,
    format_of,
)
from imgadm.streams.engine.arguments import check_choice, check_count, check_dataset, check_kind
from imgadm.streams.engine.buffers import Buffer
from imgadm.streams.engine.stage import Context, Inlet, Outlet, Stage
from imgadm.streams.errors import MisuseError
from imgadm.streams.zfs.receivers import MOST_GUID, RawVolume

if TYPE_CHECKING:
    from imgadm._native import DiskReader

DEFAULT_BLOCK_SIZE = 8192
"""The volblocksize of volumes, unless somebody asks for another."""

BLOCK_SIZES = tuple(512 << shift for shift in range(9))
"""What needs no feature of a pool, so that every receiver takes it."""


@dataclass(frozen=True)
class NewSnapshot:
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
    origin: tuple[Path, RawVolume] | None = None

    def __post_init__(self) -> None:
        check_kind("guid", self.guid, int, "a random number of 64 bits")
        check_count("guid", self.guid, least=1, most=MOST_GUID)
        check_choice("block_size", self.block_size, BLOCK_SIZES)
        check_dataset("name", self.name, snapshot=True)
        check_count("creation_time", self.creation_time, most=MOST_GUID)
        if self.origin is not None and self.origin[1].block_size != self.block_size:
            raise MisuseError(
                "the block size must be that of the origin",
                got=self.block_size,
                wanted=self.origin[1].block_size,
            )

    def volume(self, size: int) -> RawVolume:
        """The volume that a disk of ``size`` bytes becomes: in whole blocks."""
        blocks = -(-size // self.block_size)
        return RawVolume(self.guid, blocks * self.block_size, self.block_size)


class _MakesStream(Stage):
    """Fills buffers with the stream of a disk, and tells of the volume in it."""

    def __init__(self, snapshot: NewSnapshot) -> None:
        self._snapshot = snapshot
        self._files = ExitStack()
        self._origin_descriptor = -1

    def open(self, context: Context) -> None:
        if self._snapshot.origin is not None:
            self._origin_descriptor = open_regular(self._snapshot.origin[0])
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

    def _note_oddities(self, look: DiskLook, size: int, context: Context) -> None:
        context.notes.extend(look.notes(size, self._snapshot.volume(size).size))

    def close(self) -> None:
        self._files.close()


class _FromDisk(_MakesStream):
    """See :func:`from_disk`."""

    name = "read disk"
    role = "source"

    def __init__(self, disk: Disk, snapshot: NewSnapshot) -> None:
        super().__init__(snapshot)
        self._disk = disk

    def open(self, context: Context) -> None:
        if self._disk.closed:
            raise MisuseError("the disk has been closed, expected an open one")
        super().open(context)

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        content = self._disk.content
        if not isinstance(content, int):
            content.before_read = context.cancel.check
        self._make(content, self._disk.size, context, outlet)
        self._disk.check_unchanged()
        self._note_oddities(self._disk.look, self._disk.size, context)


class _ToVolumeStream(_MakesStream):
    """See :func:`to_volume_stream`."""

    name = "make stream"

    def __init__(self, snapshot: NewSnapshot, *, any_content: bool, instead: str) -> None:
        super().__init__(snapshot)
        self._any_content = any_content
        self._instead = instead

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        disk = _Arriving(inlet, self._any_content, self._instead)
        self._make(disk, None, context, outlet)
        self._note_oddities(DiskLook(disk.head), disk.size, context)


class _Arriving:
    """A disk whose bytes come in order, from the stage before.

    The last :data:`TAIL_SIZE` bytes are held back, for the end of them may be no content, but the
    footer of a VHD that does not grow. Afterwards ``size`` is that of the disk; ``head`` is how it
    begins.
    """

    def __init__(self, inlet: Inlet, any_content: bool, instead: str) -> None:
        self._inlet = inlet
        self._any_content = any_content
        self._instead = instead
        self.head = b""
        self.size = 0
        self._judged = any_content
        self._buffer: Buffer | None = None
        self._pieces: list[memoryview] = []
        self._tail = b""
        self._ended = False

    def read(self, offset: int, size: int) -> memoryview:
        while not self._pieces or not self._pieces[0].nbytes:
            if self._pieces:
                self._pieces.pop(0)
            elif self._ended:
                return memoryview(b"")
            else:
                self._take_more()
        piece, self._pieces[0] = self._pieces[0][:size], self._pieces[0][size:]
        return piece

    def _take_more(self) -> None:
        if self._buffer is not None:
            self._buffer.release()
        self._buffer = self._inlet.get()
        if self._buffer is None:
            self._end()
            return
        view = self._buffer.view
        self.size += view.nbytes
        self.head += view[: CONTENT_HEAD_SIZE - len(self.head)]
        if not self._judged and len(self.head) == CONTENT_HEAD_SIZE:
            self._judge(b"")
        if view.nbytes >= TAIL_SIZE:
            self._pieces = [memoryview(self._tail), view[:-TAIL_SIZE]]
            self._tail = bytes(view[-TAIL_SIZE:])
        else:
            joined = self._tail + view
            self._pieces = [memoryview(joined[:-TAIL_SIZE])]
            self._tail = joined[-TAIL_SIZE:]

    def _end(self) -> None:
        self._ended = True
        if self.size == 0:
            raise DiskFormatError("the disk is empty", got=0)
        if not self._any_content:
            if self._judge(self._tail) == "vpc":
                self._drop_footer()
            DiskLook(self.head).check_size(self.size)
        self._pieces = [memoryview(self._tail)]

    def _judge(self, tail: bytes) -> str:
        self._judged = True
        format_ = format_of(self.head, tail, self.size)
        fixed_vhd = format_ == "vpc" and tail and not self.head.startswith(VHD_COOKIE)
        if format_ != "raw" and not fixed_vhd:
            raise self._not_raw(format_)
        return format_

    def _drop_footer(self) -> None:
        from imgadm.streams.disks.readers.vpc import fixed_size, vhd_footer

        footer = vhd_footer(self._tail[-VHD_FOOTER_SIZE:])
        content = self.size - VHD_FOOTER_SIZE
        if footer is None or fixed_size(footer, content) != content:
            raise self._not_raw("vpc")  # its end is no part of the disk, and has gone on already
        self.size, self._tail = content, self._tail[:-VHD_FOOTER_SIZE]
        self.head = self.head[:content]

    def _not_raw(self, format_: str) -> DiskFormatError:
        return DiskFormatError(
            f"this is a {format_} disk, and only a raw disk can be read while it arrives; "
            f"{self._instead}",
            got=format_,
            wanted="raw",
        )


def from_disk(disk: Disk, snapshot: NewSnapshot) -> Stage:
    """The ZFS send stream of a disk, which stays open; see :func:`~imgadm.streams.open_disk`.

    Blocks of zeros are left out, holes are not even read, and no feature of a pool is needed to
    receive it. Leaves a :class:`RawVolume` in ``report.facts["volume"]``. Raises DiskChangedError
    if the disk was written to meanwhile, and what reading it raises.
    """
    check_kind("disk", disk, Disk, "a Disk; see open_disk()")
    check_kind("snapshot", snapshot, NewSnapshot, "a NewSnapshot")
    return _FromDisk(disk, snapshot)


def to_volume_stream(
    snapshot: NewSnapshot, *, any_content: bool = False, instead: str = "save it to a file first"
) -> Stage:
    """Turn the bytes of a raw disk into its ZFS send stream, as :func:`from_disk` does.

    The disk is as long as what comes, but for the footer of a VHD that does not grow. Raises
    DiskFormatError if nothing comes, or if, but for ``any_content``, it looks like anything but
    such a disk; ``instead`` is what an operator can do about one in another format.
    """
    check_kind("snapshot", snapshot, NewSnapshot, "a NewSnapshot")
    return _ToVolumeStream(snapshot, any_content=any_content, instead=instead)
