"""The stages that make ZFS send streams of volumes from raw disks, in full or incremental."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

from imgadm._native import VolumeStreamWriter
from imgadm.base.files.opening import open_regular
from imgadm.streams.disks.disk import Disk
from imgadm.streams.disks.disk_look import DiskLook
from imgadm.streams.engine.arguments import check_kind
from imgadm.streams.engine.stage import Context, Inlet, Outlet, Stage
from imgadm.streams.errors import MisuseError
from imgadm.streams.zfs.arriving_disk import ArrivingDisk
from imgadm.streams.zfs.volumes import NewSnapshot

if TYPE_CHECKING:
    from imgadm._native import DiskReader


class _StreamMaker(Stage):
    """The base of stages that make a stream, and leave the volume in it as a fact."""

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


class _FromDisk(_StreamMaker):
    """The stage that :func:`from_disk` makes."""

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


class _ToVolumeStream(_StreamMaker):
    """The stage that :func:`to_volume_stream` makes."""

    name = "make stream"

    def __init__(self, snapshot: NewSnapshot, *, any_content: bool, instead: str) -> None:
        super().__init__(snapshot)
        self._any_content = any_content
        self._instead = instead

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        disk = ArrivingDisk(inlet, self._any_content, self._instead)
        self._make(disk, None, context, outlet)
        self._note_oddities(DiskLook(disk.head), disk.size, context)


def from_disk(disk: Disk, snapshot: NewSnapshot) -> Stage:
    """Return a stage that makes the ZFS send stream of an open disk.

    :func:`~imgadm.streams.open_disk` opens a disk; the caller closes it after the run. The stream
    leaves out blocks of zeros, and the stage does not read holes. Receiving the stream needs no
    feature of a pool. The stage leaves a :class:`~.volumes.RawVolume` in
    ``report.facts["volume"]``. It raises DiskChangedError if something writes to the disk
    meanwhile, and the errors of reading the disk.
    """
    check_kind("disk", disk, Disk, "a Disk; see open_disk()")
    check_kind("snapshot", snapshot, NewSnapshot, "a NewSnapshot")
    return _FromDisk(disk, snapshot)


def to_volume_stream(
    snapshot: NewSnapshot, *, any_content: bool = False, instead: str = "save it to a file first"
) -> Stage:
    """Return a stage that makes the ZFS send stream of a raw disk, whose bytes are its input.

    The stream is like that of :func:`from_disk`. All bytes are the disk, except for the footer of
    a fixed VHD. ``any_content`` takes the bytes as they are, whatever they look like. ``instead``
    is advice for the operator of a disk in another format.

    The stage leaves the fact that :func:`from_disk` leaves. It raises DiskFormatError if the input
    is empty or, without ``any_content``, does not look like a raw disk.
    """
    check_kind("snapshot", snapshot, NewSnapshot, "a NewSnapshot")
    return _ToVolumeStream(snapshot, any_content=any_content, instead=instead)
