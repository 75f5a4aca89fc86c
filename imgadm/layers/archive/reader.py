"""The reader of a tar archive as it arrives, which bounds everything before it reads it.

It reads every format in use. Python's ``tarfile`` reads the same formats, but gives names as text
and holes as zeros, and takes an extended header of any size into memory. Therefore only the tests
use it, for comparison.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from imgadm.layers.archive.description import check_entry, describe_entry
from imgadm.layers.archive.entry import ArchiveEntry, EntryKind
from imgadm.layers.archive.header import TAR_BLOCK_SIZE, ZERO_BLOCK, Header, parse_header
from imgadm.layers.archive.pax import Records, parse_records
from imgadm.layers.archive.sparse import find_regions
from imgadm.layers.rules.errors import LayerError
from imgadm.layers.rules.limits import Limits
from imgadm.streams.codecs.byte_source import ByteSource

_LONG_NAME, _LONG_TARGET = b"L", b"K"
_EXTENDED, _GLOBAL = b"xX", b"g"
_VOLUME_LABEL = b"V"


class Archive:
    """An archive, whose entries are read in order.

    The caller may read the data of an entry before it asks for the next entry; the archive passes
    over data that the caller leaves. ``count`` is the number of entries so far. ``notes`` are
    oddities of an archive from which nothing is missing.
    """

    def __init__(self, source: ByteSource, limits: Limits) -> None:
        self._source = source
        self._limits = limits
        self._unread = 0
        self._padding = 0
        self._globals: dict[bytes, bytes] = {}
        self.count = 0
        self.notes: list[str] = []

    def entries(self) -> Iterator[ArchiveEntry]:
        """Yield every entry up to the end of the archive.

        The archive ends with two blocks of zeros, or with its bytes. Bytes behind its end are
        ignored and noted. Raises LayerError.
        """
        long_name = long_target = None
        records: Records = []
        while (header := self._next_header()) is not None:
            kind = header.type
            if kind in _EXTENDED:
                # A second one replaces the first, as it does for GNU tar and Go's reader.
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
                # GNU's long names win over those of POSIX, as they do in Go's reader.
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
        """Yield the data of the entry in pieces, each valid until the next."""
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
                "entries follow a single block of zeros, which some readers take for the end of "
                "an archive",
                offset=self._source.position + TAR_BLOCK_SIZE,
            )
        self._begin_data(0)
        is_blank = True
        while (piece := self._source.next()) is not None:
            is_blank = is_blank and bytes(piece).count(0) == len(piece)
            self._begin_data(0)
        if not is_blank:
            self.notes.append("ignored bytes behind the end of the archive")

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
        """Return the data of an extended header."""
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
        entry = describe_entry(header, self._globals, records)
        self._begin_data(entry.packed_size)
        if entry.kind is EntryKind.FILE and (records or header.type == b"S"):
            find_regions(entry, header, records, self._take, self._take_data, self._limits)
        check_entry(entry, self._limits)
        return entry

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
