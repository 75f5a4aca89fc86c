"""The entry that a header block and the records of extended headers describe, and its checks."""

from __future__ import annotations

from collections.abc import Mapping

from imgadm.base.text import excerpt
from imgadm.layers.archive.entry import ArchiveEntry, EntryKind
from imgadm.layers.archive.header import Header
from imgadm.layers.archive.pax import (
    Records,
    extended_attribute,
    nanoseconds,
    owner_number,
    whole_number,
)
from imgadm.layers.rules.errors import LayerError
from imgadm.layers.rules.limits import Limits

_KINDS = {
    b"0": EntryKind.FILE,
    b"\0": EntryKind.FILE,
    b"7": EntryKind.FILE,
    b"S": EntryKind.FILE,
    b"1": EntryKind.HARD_LINK,
    b"2": EntryKind.SYMLINK,
    b"3": EntryKind.CHARACTER_DEVICE,
    b"4": EntryKind.BLOCK_DEVICE,
    b"5": EntryKind.DIRECTORY,
    b"D": EntryKind.DIRECTORY,
    b"6": EntryKind.FIFO,
}
_WITH_DATA = b"0\x007SD"
"""The types with data behind the header. For all others the size field has no meaning."""

_SECOND = 1_000_000_000
_LARGEST_FILE = (1 << 63) - 1
_LARGEST_ID = (1 << 32) - 2
"""The largest owner. Kernels take the next number for "leave the owner as it is"."""

_FURTHEST_TIME = (1 << 53) * _SECOND
"""The largest time in nanoseconds: some hundred million years. File systems have own limits."""


def describe_entry(
    header: Header, global_records: Mapping[bytes, bytes], records: Records
) -> ArchiveEntry:
    """Return the entry of ``header``, as ``records`` and the records for all entries change it.

    Raises LayerError for a type that is not supported and for malformed records.
    """
    kind = _KINDS.get(header.type)
    if kind is None:
        what = "a part of an archive of several volumes" if header.type == b"M" else "an entry"
        raise LayerError(
            "unsupported", f"{what} of type {excerpt(header.type)!r}", entry=header.name
        )
    size = header.size if header.type in _WITH_DATA else 0
    entry = ArchiveEntry(
        header.name,
        kind,
        header.mode & 0o7777,
        header.uid,
        header.gid,
        header.mtime * _SECOND,
        size,
        size,
        header.target,
        header.device,
    )
    if records or global_records:
        _apply_records(entry, [*global_records.items(), *records])
    if header.type == b"\0" and entry.name.endswith(b"/"):
        # Old archives have directories as files with such names. Directories never have data.
        entry.kind, entry.packed_size, entry.size = EntryKind.DIRECTORY, 0, 0
    entry.uid, entry.gid = _kept_owner(entry.uid), _kept_owner(entry.gid)
    return entry


def _kept_owner(number: int) -> int:
    """Return the owner or group for a number of an archive, of which kernels keep 32 bits.

    Some systems have -2 for nobody. Kernels take -1 for "leave it as it is", and root owns a file
    that has just been made. A number that does not fit stays as it is.
    """
    if -(1 << 31) <= number < 0:
        number += 1 << 32
    return 0 if number == (1 << 32) - 1 else number


def _apply_records(entry: ArchiveEntry, records: Records) -> None:
    has_data = entry.kind in (EntryKind.FILE, EntryKind.DIRECTORY)
    sparse_name = b""
    for key, value in records:
        if (xattr := extended_attribute(key, value)) is not None:
            if not xattr[0] or b"\0" in xattr[0]:
                raise LayerError(
                    "format", "an extended attribute has no proper name", entry=entry.name
                )
            entry.xattrs[xattr[0]] = xattr[1]
        elif not value:
            continue
        elif key == b"path":
            entry.name = value
        elif key == b"GNU.sparse.name":
            sparse_name = value
        elif key == b"linkpath":
            entry.target = value
        elif key == b"size" and has_data:
            entry.packed_size = entry.size = whole_number(key, value)
        elif key == b"uid":
            entry.uid = owner_number(key, value)
        elif key == b"gid":
            entry.gid = owner_number(key, value)
        elif key == b"mtime":
            entry.mtime_ns = nanoseconds(key, value)
    entry.name = sparse_name or entry.name


def check_entry(entry: ArchiveEntry, limits: Limits) -> None:
    """Raise LayerError for names that are too long or malformed, and for impossible numbers."""
    _check_names(entry, limits.name_bytes)
    _check_numbers(entry)


def _check_names(entry: ArchiveEntry, longest: int) -> None:
    if len(entry.name) > longest:
        raise LayerError("limit", f"its name has more than {longest} bytes", entry=entry.name)
    if len(entry.target) > longest:
        raise LayerError(
            "limit", f"it links to a name of more than {longest} bytes", entry=entry.name
        )
    if b"\0" in entry.name or b"\0" in entry.target:
        raise LayerError("name", "a name has a zero byte", entry=entry.name)
    if entry.kind in (EntryKind.SYMLINK, EntryKind.HARD_LINK) and not entry.target:
        raise LayerError("link", "it links to nothing", entry=entry.name)


def _check_numbers(entry: ArchiveEntry) -> None:
    if entry.size > _LARGEST_FILE:
        raise LayerError("format", "no system has files of its size", entry=entry.name)
    if not (0 <= entry.uid <= _LARGEST_ID and 0 <= entry.gid <= _LARGEST_ID):
        raise LayerError(
            "format", f"no system has its owner {entry.uid}:{entry.gid}", entry=entry.name
        )
    if abs(entry.mtime_ns) > _FURTHEST_TIME:
        raise LayerError("format", "its time is out of range", entry=entry.name)
    if entry.device != (0, 0) and not all(0 <= number < 1 << 32 for number in entry.device):
        raise LayerError("format", "it is a device of impossible numbers", entry=entry.name)
