"""The look at the first bytes of a disk's content, which may show that the disk is cut short."""

from __future__ import annotations

from imgadm.streams.disks.disk_contents import file_system_end, gpt_of, known_content, mbr_end
from imgadm.streams.disks.formats import DiskFormatError

_MOVE = "run sgdisk -e in the machine to move it there"


class DiskLook:
    """The facts that ``head``, the first bytes of a disk's content, tells about the disk."""

    def __init__(self, head: bytes) -> None:
        self._gpt = gpt_of(head)
        self._known = known_content(head)
        self._mbr_end = mbr_end(head)
        self._end = file_system_end(head) if self._gpt is None else self._gpt.partitions_end

    def check_size(self, size: int) -> None:
        """Raise DiskFormatError if a disk of ``size`` bytes is cut short.

        That is so if a partition or file system ends behind the end of the disk, or if a disk with
        partitions ends in the middle of a sector.
        """
        if self._end > size:
            raise DiskFormatError(
                f"the disk is cut short: it has {size} bytes, and its content needs {self._end}; "
                "copy it again, in full, or name its format with --format if it is as it should be",
                got=size,
                wanted=self._end,
            )
        if size % 512 and (self._gpt is not None or self._mbr_end):
            raise DiskFormatError(
                f"the disk is cut short, or other bytes follow it: it has {size} bytes, and a disk "
                "with partitions has whole sectors of 512; copy it again, in full, or name its "
                "format with --format if it is as it should be",
                got=size,
            )

    def notes(self, size: int, volume_size: int) -> list[str]:
        """Return warnings for the operator about a disk of ``size`` bytes.

        ``volume_size`` is the size in bytes of the volume that is to hold the disk.
        """
        notes = []
        if self._known is None:
            notes.append(
                "the disk has neither a partition table nor a file system that imgadm knows: make "
                "sure that it is a disk"
            )
        if self._mbr_end > size:
            notes.append(
                f"the disk has {size} bytes, and its partitions need {self._mbr_end}: is it cut "
                "short?"
            )
        if volume_size != size:
            units = "sectors, as if it were cut short" if size % 512 else "blocks"
            notes.append(
                f"the disk has {size} bytes, which is no whole number of {units}: zeros fill it up "
                f"to {volume_size}" + self._moved(size)
            )
        elif self._gpt is not None and self._gpt.disk_size != size:
            notes.append(
                f"the disk has {size} bytes, and its GPT is made for {self._gpt.disk_size}: the "
                f"backup copy of the GPT is not at the end: {_MOVE}"
            )
        return notes

    def _moved(self, size: int) -> str:
        if self._gpt is None:
            return ""
        fits = min(size & -size, 4096)
        instead = f", or use --block-size {fits}, which fits" if fits >= 512 else ""
        return f"; the backup copy of its GPT is then not at the end: {_MOVE}{instead}"
