"""How much a layer may ask for, so that a small hostile one can't fill disk, memory or time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What one layer may have at most. The defaults leave room for any honest image."""

    #: Entries of the archive, whiteouts included.
    entries: int = 4_000_000
    #: Bytes of the uncompressed archive, its padding included.
    archive_bytes: int = 1 << 40
    #: Directories above an entry, links in its path resolved.
    depth: int = 256
    #: Bytes of a name, and of what a link points to.
    name_bytes: int = 4096
    #: Bytes of one extended header.
    header_bytes: int = 1 << 20
    #: Bytes of the records that hold for all entries; each entry of 512 bytes may cost as much.
    global_bytes: int = 4096
    #: Bytes of memory for entries behind a link of a lower layer, which a later entry may replace.
    #: Once there are more of them, a layer may not replace such links any more.
    put_off_bytes: int = 64 << 20
    #: Files of a storage driver that are kept for hard links to them.
    driver_files: int = 1 << 16
    #: Regions of data in one sparse file.
    regions: int = 1 << 17
