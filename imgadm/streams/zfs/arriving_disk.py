"""A raw disk whose bytes arrive in order and can be read once."""

from __future__ import annotations

from imgadm.streams.disks.disk_contents import CONTENT_HEAD_SIZE
from imgadm.streams.disks.disk_look import DiskLook
from imgadm.streams.disks.formats import (
    TAIL_SIZE,
    VHD_COOKIE,
    VHD_FOOTER_SIZE,
    DiskFormatError,
    format_of,
)
from imgadm.streams.engine.buffers import Buffer
from imgadm.streams.engine.stage import Inlet


class ArrivingDisk:
    """A disk whose bytes the stage before ``inlet`` brings, in order.

    The last :data:`TAIL_SIZE` bytes are held back until the end of the input, because they may end
    with the footer of a fixed VHD, which is not content. After the last read, ``size`` is the size
    of the disk in bytes and ``head`` has its first bytes. Without ``any_content``, the disk must
    look like a raw disk; ``instead`` is advice for the operator of a disk in another format.
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
        """Return at most ``size`` of the next bytes, and none at the end; ``offset`` is ignored.

        Raises DiskFormatError for an empty disk, one that is cut short, or one that is not raw.
        """
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
            # The next stage already has bytes that are no part of the disk.
            raise self._not_raw("vpc")
        self.size, self._tail = content, self._tail[:-VHD_FOOTER_SIZE]
        self.head = self.head[:content]

    def _not_raw(self, format_: str) -> DiskFormatError:
        return DiskFormatError(
            f"this is a {format_} disk, and only a raw disk can be read while it arrives; "
            f"{self._instead}",
            got=format_,
            wanted="raw",
        )
