"""The limits of a layer, which keep a small hostile one from filling disk, memory or time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The most that one layer may have. The defaults leave room for any honest image."""

    entries: int = 4_000_000
    """Entries of the archive, whiteouts included."""

    archive_bytes: int = 1 << 40
    """Bytes of the uncompressed archive, its padding included."""

    depth: int = 256
    """Directories above an entry, after the links in its path have been resolved."""

    name_bytes: int = 4096
    """Bytes of a name, and of the target of a link."""

    header_bytes: int = 1 << 20
    """Bytes of one extended header."""

    global_bytes: int = 4096
    """Bytes of the records for all entries; each entry of 512 bytes may cost as much."""

    put_off_bytes: int = 64 << 20
    """Bytes of memory for entries behind a link of a lower layer, which a later entry may replace.

    Once such entries need more memory, the layer may no longer replace links of lower layers.
    """

    driver_files: int = 1 << 16
    """Files of a storage driver that are kept for hard links to them."""

    regions: int = 1 << 17
    """Regions of data in one sparse file."""
