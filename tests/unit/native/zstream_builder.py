"""Makes small ZFS send streams, right and wrong ones, in either byte order.

Written apart from the native core, so that the two check each other.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import zstandard

HEADER = 312
MAGIC = 0x2F5BACBAC
ALL = 2**64 - 1
GUID = 0x1122334455667788
TYPES = [
    "BEGIN", "OBJECT", "FREEOBJECTS", "WRITE", "FREE", "END", "WRITE_BYREF", "SPILL",
    "WRITE_EMBEDDED", "OBJECT_RANGE", "REDACT",
]  # fmt: skip


def fletcher4(data: bytes, order: str, state: tuple[int, ...] = (0, 0, 0, 0)) -> tuple[int, ...]:
    """Continue the checksum over whole words of byte order ``<`` or ``>``."""
    a, b, c, d = state
    for (word,) in struct.iter_unpack(f"{order}I", data[: len(data) // 4 * 4]):
        a += word
        b += a
        c += b
        d += c
    return a & ALL, b & ALL, c & ALL, d & ALL


@dataclass
class StreamBuilder:
    """Records one after the other; ``bytes(builder)`` is the stream so far.

    ``order`` is ``<`` or ``>``. Without ``record_checksums`` the records have none, as those of
    old senders; END always has that of the stream.
    """

    order: str = "<"
    record_checksums: bool = True
    guid: int = GUID
    content: bytearray = field(default_factory=bytearray)
    boundaries: list[int] = field(default_factory=list)
    state: tuple[int, ...] = (0, 0, 0, 0)

    def __bytes__(self) -> bytes:
        return bytes(self.content)

    def record(self, name: str | int, *fields: tuple[int, str, int], payload: bytes = b"") -> None:
        """Append a record of ``(offset, struct code, value)`` fields."""
        header = bytearray(HEADER)
        number = TYPES.index(name) if isinstance(name, str) else name
        for offset, code, value in ((0, "I", number), *fields):
            struct.pack_into(self.order + code, header, offset, value)
        self._append(header, payload, checksum=self.record_checksums)

    def _append(self, header: bytearray, payload: bytes, *, checksum: bool) -> None:
        self.state = fletcher4(bytes(header[:280]), self.order, self.state)
        if checksum:
            struct.pack_into(self.order + "4Q", header, 280, *self.state)
        self.state = fletcher4(bytes(header[280:]) + payload, self.order, self.state)
        self.boundaries.append(len(self.content))
        self.content += header + payload

    def begin(
        self, *, features: int = 0, flags: int = 0xC, kind: int = 3, from_guid: int = 0,
        name: bytes = b"zones/img@final", header_type: int = 1, payload: bytes = b"",
        creation_time: int = 0x60000000,
    ) -> StreamBuilder:  # fmt: skip
        header = bytearray(HEADER)
        struct.pack_into(
            self.order + "IIQQQIIQQ256s", header, 0, 0, len(payload), MAGIC,
            features << 2 | header_type, creation_time, kind, flags, self.guid, from_guid, name,
        )  # fmt: skip
        self.state = (0, 0, 0, 0)
        self._append(header, payload, checksum=False)
        return self

    def object(
        self, number: int, kind: int, block_size: int, *, slots: int = 1, bonus: bytes = b"",
        bonus_type: int = 0, flags: int = 0, compress: int = 0, checksum_type: int = 0,
        raw_bonus_length: int = 0,
    ) -> StreamBuilder:  # fmt: skip
        self.record(
            "OBJECT", (8, "Q", number), (16, "I", kind), (20, "I", bonus_type),
            (24, "I", block_size), (28, "I", len(bonus)), (32, "B", checksum_type),
            (33, "B", compress), (34, "B", slots), (35, "B", flags), (36, "I", raw_bonus_length),
            (40, "Q", self.guid), payload=bonus + bytes(-len(bonus) % 8),
        )  # fmt: skip
        return self

    def free(self, number: int, offset: int, length: int) -> StreamBuilder:
        self.record(
            "FREE", (8, "Q", number), (16, "Q", offset), (24, "Q", length), (32, "Q", self.guid)
        )
        return self

    def free_objects(self, first: int, count: int) -> StreamBuilder:
        self.record("FREEOBJECTS", (8, "Q", first), (16, "Q", count), (24, "Q", self.guid))
        return self

    def write(
        self, offset: int, content: bytes, *, number: int = 1, kind: int = 23,
        compression: int = 0, length: int | None = None,
    ) -> StreamBuilder:  # fmt: skip
        self.record(
            "WRITE", (8, "Q", number), (16, "I", kind), (24, "Q", offset),
            (32, "Q", len(content) if length is None else length), (40, "Q", self.guid),
            (48, "B", 2), (50, "B", compression), (96, "Q", len(content) if compression else 0),
            payload=content,
        )  # fmt: skip
        return self

    def embedded(
        self, offset: int, payload: bytes, *, length: int, logical: int, compression: int,
        number: int = 1, kind: int = 0,
    ) -> StreamBuilder:  # fmt: skip
        self.record(
            "WRITE_EMBEDDED", (8, "Q", number), (16, "Q", offset), (24, "Q", length),
            (32, "Q", self.guid), (40, "B", compression), (41, "B", kind), (48, "I", logical),
            (52, "I", len(payload)), payload=payload + bytes(-len(payload) % 8),
        )  # fmt: skip
        return self

    def by_ref(
        self, offset: int, length: int, source: int, *, guid: int | None = None, number: int = 1
    ) -> StreamBuilder:
        self.record(
            "WRITE_BYREF", (8, "Q", 1), (16, "Q", offset), (24, "Q", length),
            (32, "Q", self.guid), (40, "Q", self.guid if guid is None else guid),
            (48, "Q", number), (56, "Q", source),
        )  # fmt: skip
        return self

    def end(self) -> StreamBuilder:
        fields = [(8 + 8 * i, "Q", word) for i, word in enumerate(self.state)]
        self.record("END", *fields, (40, "Q", self.guid))
        return self

    def properties(self, size: int, salt: int = 1) -> bytes:
        """The micro ZAP of object 2."""
        block = bytearray(512)
        struct.pack_into(self.order + "QQ", block, 0, 0x8000000000000003, salt)
        struct.pack_into(self.order + "QIH50s", block, 64, size, 0, 0, b"size")
        return bytes(block)

    def volume_end(self, size: int, salt: int = 1) -> StreamBuilder:
        """Everything that follows the data of a volume."""
        self.object(2, 24, 512).free(2, 512, ALL)
        self.write(0, self.properties(size, salt), number=2, kind=24)
        return self.free_objects(3, 29).end()


def volume_stream(
    blocks: dict[int, bytes],
    *,
    size: int,
    block_size: int = 512,
    add: Callable[[StreamBuilder], object] | None = None,
    order: str = "<",
    record_checksums: bool = True,
    features: int = 0,
    from_guid: int = 0,
) -> StreamBuilder:
    """A whole stream of a volume: ``blocks`` by offset, then what ``add`` appends."""
    builder = StreamBuilder(order, record_checksums)
    builder.begin(features=features, from_guid=from_guid, flags=0xD if from_guid else 0xC)
    builder.object(1, 23, block_size)
    for offset, content in sorted(blocks.items()):
        builder.write(offset, content)
    if add is not None:
        add(builder)
    return builder.volume_end(size)


def golden_stream(order: str = "<") -> StreamBuilder:
    """A volume of two blocks, the second one empty, as the writer makes it."""
    builder = StreamBuilder(order).begin().object(1, 23, 512).free(1, 512, ALL)
    return builder.write(0, bytes(range(256)) * 2).volume_end(1024)


def package(*streams: StreamBuilder, order: str = "<", contents: bytes = b"list" * 5) -> bytes:
    """Streams one after the other in a package that says ``contents`` of itself."""
    header = StreamBuilder(order, record_checksums=False, guid=0)
    header.begin(header_type=2, kind=0, flags=0, payload=contents).end()
    last = StreamBuilder(order, record_checksums=False)
    last.record("END")
    return b"".join(map(bytes, (header, *streams, last)))


def run_length(data: bytes, at: int, longest: int) -> int:
    """How often the byte at ``at`` repeats, itself included."""
    end = min(len(data), at + longest)
    length = 1
    while at + length < end and data[at + length] == data[at]:
        length += 1
    return length


def lzjb(data: bytes) -> bytes:
    """Compress runs of one byte; everything else is literal."""
    out, at = bytearray(), 0
    while at < len(data):
        flags, items = 0, bytearray()
        for bit in range(8):
            if at == len(data):
                break
            length = run_length(data, at, 66)
            if at and data[at] == data[at - 1] and length >= 3:
                flags |= 1 << bit
                items += bytes([(length - 3) << 2, 1])  # at distance 1
                at += length
            else:
                items.append(data[at])
                at += 1
        out += bytes([flags]) + items
    return bytes(out)


def zle(data: bytes) -> bytes:
    """Compress runs of zeros."""
    out, at = bytearray(), 0
    while at < len(data):
        if data[at] == 0:
            length = run_length(data, at, 192)
            out.append(63 + length)
        else:
            length = len(data[at : at + 64].split(b"\0")[0])
            out += bytes([length - 1]) + data[at : at + length]
        at += length
    return bytes(out)


def lz4(data: bytes) -> bytes:
    """One block behind its length: runs of one byte become overlapping matches."""

    def varied(length: int) -> tuple[int, bytes]:
        if length < 15:
            return length, b""
        return 15, b"\xff" * ((length - 15) // 255) + bytes([(length - 15) % 255])

    block, at, literals = bytearray(), 0, bytearray()
    while at < len(data):
        length = run_length(data, at, len(data) - 5 - at)  # a block ends with five literals
        if length < 16:
            literals += data[at : at + length]
        else:
            literals.append(data[at])
            short, more = varied(len(literals))
            match_short, match_more = varied(length - 1 - 4)
            block += bytes([short << 4 | match_short]) + more + literals
            block += b"\x01\x00" + match_more
            literals.clear()
        at += length
    short, more = varied(len(literals))
    block += bytes([short << 4]) + more + literals
    return struct.pack(">I", len(block)) + bytes(block)


def padded(payload: bytes, unit: int = 512) -> bytes:
    return payload + bytes(-len(payload) % unit)


def zstd_payload(frame: bytes) -> bytes:
    """A magicless frame behind its length and a word that decoders ignore."""
    return struct.pack(">II", len(frame), 3 << 24 | 10405) + frame


def inflate(codec: str, payload: bytes, size: int) -> bytes:
    """The hook for payloads that the native core leaves to Python."""
    if codec == "gzip":
        return zlib.decompressobj().decompress(payload, size + 1)
    decoder = zstandard.ZstdDecompressor(format=zstandard.FORMAT_ZSTD1_MAGICLESS)
    return decoder.decompress(payload, max_output_size=size)
