"""Disks in the formats of virtual machines, one module a format, read by their own tables.

No other program is asked, and no other file is opened: a disk that needs one is refused. What a
table names must be in the file, to the byte, before anything is read; tables that make no sense are
refused, so that a disk is right or is none.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

from imgadm.streams.disks.readers.disk_file import DiskFile
from imgadm.streams.disks.readers.mapped import MappedDisk

__all__ = ["DiskFile", "MappedDisk", "open_mapped"]


def open_mapped(format_: str, descriptor: int, size: int) -> MappedDisk:
    """The disk of that format in a file of ``size`` bytes; the descriptor is borrowed.

    ``format_`` is ``qcow2``, ``vmdk``, ``vhdx``, ``vpc`` or ``vdi``. All tables are checked. Raises
    DiskFormatError for a disk that is cut short, damaged, encrypted, unknown in some way, or
    not all in this file; OSError.
    """
    module = importlib.import_module(f"imgadm.streams.disks.readers.{format_}")
    read: Callable[[DiskFile], MappedDisk] = module.read
    return read(DiskFile(descriptor, size, format_))
