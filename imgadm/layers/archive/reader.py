"""The entries of a tar archive as it arrives: every format in use, each bounded before it is read.

Python's ``tarfile`` reads the same formats, but gives names as text, holes as zeros, and takes an
extended header of any size into memory; so it is only what the tests compare with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from imgadm.base.text import excerpt
from imgadm.layers.archive import sparse
from imgadm.layers.archive.entry import ArchiveEntry, EntryKind, kept_owner
from imgadm.layers.archive.header import TAR_BLOCK_SIZE, ZERO_BLOCK, Header, parse_header
from imgadm.layers.archive.pax import (
    Records,
    extended_attribute,
    nanoseconds,
    owner_number,
    parse_records,
    whole_number,
)
from imgadm.layers.errors import LayerError
from imgadm.layers.limits import Limits
from imgadm.streams.codecs.byte_source import ByteSource

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
_LONG_NAME, _LONG_TARGET = b"L", b"K"
_EXTENDED, _GLOBAL = b"xX", b"g"
_VOLUME_LABEL = b"V"
_WITH_DATA = b"0\x007SD"
"""What has data behind its header. In all other entries the size field has no meaning."""

_SECOND = 1_000_000_000
_LARGEST_FILE = (1 << 63) - 1
_LARGEST_ID = (1 << 32) - 2
"""The number above is taken by the kernels for "leave the owner as it is"."""

_FURTHEST_TIME = (1 << 53) * _SECOND
"""Some hundred million years; file systems keep what they can of it."""


class Archive:
    """Reads entries in order. The data of one is read, or passed over, before the next."""

    def __init__(self, source: ByteSource, limits: Limits) -> None:
        self._source = source
        self._limits = limits
        self._unread = 0
        self._padding = 0
        self._globals: dict[bytes, bytes] = {}
        # Entries so far.
        self.count = 0
        # What is odd about the archive, though nothing is missing.
        self.notes: list[str] = []

    def entries(self) -> Iterator[ArchiveEntry]:
        """Every entry, up to the end of the archive. What is behind that is passed over, and noted.

        The end is two blocks of zeros, or where the bytes end. Raises LayerError.
        """
        long_name = long_target = None
        records: Records = []
        while (header := self._next_header()) is not None:
            kind = header.type
            if kind in _EXTENDED:
                # One more of them is instead of the first, for GNU tar and Go's reader too.
                records = parse_records(self._extended(header))
            elif kind == _GLOBAL:
                self._globals.update(parse_records(self._extended(header)))
                self._check_globals()
            elif kind == _LONG_NAME:
                long_name = self._extended(header).partition(b"\0")[0]
            elif kind == _LONG_TARGET:
                long_target = self._extended(header).partition(b"\0")[0]
            elif kind == _VOLUME_LABEL:
                self._begin_data(header.size)
            else:
                # Where there are GNU's and those of POSIX, GNU's count for who makes containers.
                if long_name:
                    header.name = long_name
                    records = [record for record in records if record[0] != b"path"]
                if long_target:
                    header.target = long_target
                    records = [record for record in records if record[0] != b"linkpath"]
                yield self._entry(header, records)
                long_name = long_target = None
                records = []
        if long_name is not None or long_target is not None or records:
            raise self._cut("an extended header has no entry behind it")

    def data(self) -> Iterator[memoryview]:
        """The data of the entry in pieces, each valid until the next."""
        while self._unread:
            piece = self._source.next(self._unread)
            if piece is None:
                raise self._cut("the data of an entry ends in the middle")
            self._unread -= len(piece)
            yield piece

    def _begin_data(self, size: int) -> None:
        self._unread, self._padding = size, -size % TAR_BLOCK_SIZE
        end = self._source.position + size
        if end > self._limits.archive_bytes:
            raise LayerError(
                "limit", f"it unpacks to more than {self._limits.archive_bytes} bytes", offset=end
            )

    def _pass_over_data(self) -> None:
        while self._unread:
            piece = self._source.next(self._unread)
            if piece is None:
                raise self._cut("the data of an entry ends in the middle")
            self._unread -= len(piece)
        missing = self._padding
        while missing and (piece := self._source.next(missing)) is not None:
            missing -= len(piece)
        if missing:
            self.notes.append("the archive ends with its last file, without padding")
        self._padding = 0

    def _next_header(self) -> Header | None:
        if self._unread or self._padding:
            self._pass_over_data()
        block = self._source.peek(TAR_BLOCK_SIZE)
        if len(block) < TAR_BLOCK_SIZE or (not block[0] and block == ZERO_BLOCK):
            if block.count(0) < len(block):
                raise self._cut("the archive ends in the middle")
            self._read_to_end()
            return None
        self._source.next(TAR_BLOCK_SIZE)
        return parse_header(block)

    def _read_to_end(self) -> None:
        blocks = self._source.peek(2 * TAR_BLOCK_SIZE)
        second = blocks[TAR_BLOCK_SIZE:]
        if len(second) == TAR_BLOCK_SIZE and second != ZERO_BLOCK and _is_header(second):
            raise LayerError(
                "format",
                "there are entries behind a single block of zeros, which some readers take for "
                "its end",
                offset=self._source.position + TAR_BLOCK_SIZE,
            )
        self._begin_data(0)
        is_blank = True
        while (piece := self._source.next()) is not None:
            is_blank = is_blank and bytes(piece).count(0) == len(piece)
            self._begin_data(0)
        if not is_blank:
            self.notes.append("ignored what is behind the end of the archive")

    def _take(self, size: int) -> bytes:
        taken = self._source.peek(size)
        if len(taken) < size:
            raise self._cut("the archive ends in the middle")
        self._source.next(size)
        return taken

    def _take_data(self, size: int) -> bytes:
        if size > self._unread:
            raise LayerError("format", "the map of a sparse file is longer than its data")
        self._unread -= size
        return self._take(size)

    def _extended(self, header: Header) -> bytes:
        """What an extended header holds."""
        if header.size > self._limits.header_bytes:
            raise LayerError(
                "limit",
                f"its extended headers have {header.size} bytes, "
                f"at most {self._limits.header_bytes} are taken",
                offset=self._source.position,
            )
        self._begin_data(header.size)
        return b"".join(bytes(piece) for piece in self.data())

    def _check_globals(self) -> None:
        size = _size_of(self._globals.items())
        if size > self._limits.global_bytes:
            raise LayerError(
                "limit",
                f"its headers for all entries have {size} bytes, "
                f"at most {self._limits.global_bytes} are taken",
                offset=self._source.position,
            )

    def _entry(self, header: Header, records: Records) -> ArchiveEntry:
        self.count += 1
        if self.count > self._limits.entries:
            raise LayerError("limit", f"it has more than {self._limits.entries} entries")
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
        self._apply_records(entry, records)
        if header.type == b"\0" and entry.name.endswith(b"/"):
            # In archives older than the type of directories, which never have data.
            entry.kind, entry.packed_size, entry.size = EntryKind.DIRECTORY, 0, 0
        entry.uid, entry.gid = kept_owner(entry.uid), kept_owner(entry.gid)
        self._begin_data(entry.packed_size)
        if entry.kind is EntryKind.FILE:
            self._find_holes(entry, header, records)
        self._check_names(entry)
        _check_numbers(entry)
        return entry

    def _apply_records(self, entry: ArchiveEntry, records: Records) -> None:
        if not records and not self._globals:
            return
        has_data = entry.kind in (EntryKind.FILE, EntryKind.DIRECTORY)
        sparse_name = b""
        for key, value in [*self._globals.items(), *records]:
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

    def _find_holes(self, entry: ArchiveEntry, header: Header, records: Records) -> None:
        if header.type == b"S":
            entry.size, entry.regions = sparse.old_gnu_map(header.block, self._take, self._limits)
        elif records:
            self._find_holes_in_records(entry, records)
        if entry.regions is not None:
            sparse.check(entry.regions, size=entry.size, packed_size=entry.packed_size)

    def _find_holes_in_records(self, entry: ArchiveEntry, records: Records) -> None:
        pax = dict(records)
        size = pax.get(b"GNU.sparse.realsize") or pax.get(b"GNU.sparse.size")
        if size is not None:
            entry.size = whole_number(b"GNU.sparse.size", size)
        if sparse.is_format_1(pax):
            taken, entry.regions = sparse.format_1_map(self._take_data, self._limits)
            entry.packed_size -= taken
        else:
            entry.regions = sparse.format_0_map(records, self._limits)

    def _check_names(self, entry: ArchiveEntry) -> None:
        longest = self._limits.name_bytes
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

    def _cut(self, how: str) -> LayerError:
        return LayerError("truncated", f"{how}: it was cut short", offset=self._source.position)


def _is_header(block: bytes) -> bool:
    try:
        parse_header(block)
    except LayerError:
        return False
    return True


def _size_of(records: Iterable[tuple[bytes, bytes]]) -> int:
    return sum(len(key) + len(value) for key, value in records)


def _check_numbers(entry: ArchiveEntry) -> None:
    if entry.size > _LARGEST_FILE:
        raise LayerError("format", "no system has files of its size", entry=entry.name)
    if not (0 <= entry.uid <= _LARGEST_ID and 0 <= entry.gid <= _LARGEST_ID):
        raise LayerError(
            "format", f"no system has its owner {entry.uid}:{entry.gid}", entry=entry.name
        )
    if abs(entry.mtime_ns) > _FURTHEST_TIME:
        raise LayerError("format", "its time is out of all range", entry=entry.name)
    if entry.device != (0, 0) and not all(0 <= number < 1 << 32 for number in entry.device):
        raise LayerError("format", "it is a device of impossible numbers", entry=entry.name)
