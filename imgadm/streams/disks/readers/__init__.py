"""The readers of the formats of virtual machines' disks, one module for each format.

The readers start no other program and open no other file. They refuse a disk that needs another
file. Before the content of a disk is read, every table is checked: every byte that it names must be
in the file, and tables that make no sense are refused. Therefore a disk is read right or not at
all.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

from imgadm.streams.disks.readers.disk_file import DiskFile
from imgadm.streams.disks.readers.mapped import MappedDisk

__all__ = ["DiskFile", "MappedDisk", "open_mapped"]


def open_mapped(format_: str, descriptor: int, size: int) -> MappedDisk:
    """Return the disk of the format ``format_`` in a file of ``size`` bytes.

    ``format_`` is ``qcow2``, ``vmdk``, ``vhdx``, ``vpc`` or ``vdi``. The caller keeps
    ``descriptor`` and closes it after the last read. All tables have been checked when this
    returns. Raises DiskFormatError for a disk that is cut short, damaged, encrypted, in an unknown
    variant, or not all in this file, and OSError.
    """
    module = importlib.import_module(f"imgadm.streams.disks.readers.{format_}")
    read: Callable[[DiskFile], MappedDisk] = module.read
    return read(DiskFile(descriptor, size, format_))
