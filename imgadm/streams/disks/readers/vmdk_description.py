"""The description inside a VMDK, which has the size of the disk and names other files."""

from __future__ import annotations

import re

from imgadm.streams.disks.readers.disk_file import DiskFile

_IN_ONE_FILE = ("monolithicsparse", "streamoptimized")
_NO_PARENT = "ffffffff"
_EXTENT = re.compile(r"(?:RW|RDONLY)\s+(\d{1,18})\s+(SPARSE)\s", re.IGNORECASE)
_ANY_EXTENT = re.compile(r"(?:RW|RDONLY|NOACCESS)\s+\d", re.IGNORECASE)


def described_sectors(description: bytes, file: DiskFile) -> int:
    """Return the number of sectors of the only extent.

    Raises DiskFormatError if the disk has a parent, is encrypted, or is not all in this file.
    """
    lines = [line.strip() for line in description.decode("latin-1").splitlines()]
    fields = [
        (name.strip().lower(), value.strip().strip('"'))
        for name, equals, value in (line.partition("=") for line in lines)
        if equals
    ]
    parents = [value for name, value in fields if name == "parentcid"]
    if any(parent.lower() != _NO_PARENT for parent in parents):
        raise file.leads_on("holds only the differences from another disk, its parent")
    if any(name.startswith("parentfilename") for name, _ in fields):
        raise file.leads_on("names a parent")
    if any(name.startswith("encryption.") for name, _ in fields):
        raise file.encrypted()
    kinds = [value for name, value in fields if name == "createtype"]
    if not kinds:
        raise file.leads_on("is a part of a disk that another file describes")
    for kind in kinds:
        if kind.lower() not in _IN_ONE_FILE:
            raise file.leads_on(f'is of the type "{kind[:40]}"')
    extents = [line for line in lines if _ANY_EXTENT.match(line)]
    extent = _EXTENT.match(extents[0]) if len(extents) == 1 else None
    if extent is None:
        raise file.leads_on(f"consists of {len(extents)} extents, or of one of another kind")
    return int(extent[1])
