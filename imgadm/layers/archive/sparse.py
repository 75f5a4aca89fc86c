"""Where the data of a sparse file belongs: old GNU headers, and formats 0.0, 0.1 and 1.0 of pax."""

from __future__ import annotations

from collections.abc import Callable

from imgadm.layers.archive.header import TAR_BLOCK_SIZE, number
from imgadm.layers.archive.pax import Records, whole_number
from imgadm.layers.errors import LayerError
from imgadm.layers.limits import Limits

Regions = list[tuple[int, int]]
"""Offset and length of each region of data, ascending."""

Take = Callable[[int], bytes]
"""Gives the next so many bytes of the archive."""


def old_gnu_map(header: bytes, take: Take, limits: Limits) -> tuple[int, Regions]:
    """The size of the file and its regions, from a header of type S and the blocks behind it."""
    regions = _pairs_of_block(header, start=386, count=4)
    more, size = header[482], number(header[483:495])
    while more:
        block = take(TAR_BLOCK_SIZE)
        regions += _pairs_of_block(block, start=0, count=21)
        _limit(regions, limits)
        more = block[504]
    return size, regions


def _pairs_of_block(block: bytes, *, start: int, count: int) -> Regions:
    regions: Regions = []
    for offset in range(start, start + 24 * count, 24):
        if not block[offset + 12]:
            break
        regions.append(
            (number(block[offset : offset + 12]), number(block[offset + 12 : offset + 24]))
        )
    return regions


def is_format_1(pax: dict[bytes, bytes]) -> bool:
    return pax.get(b"GNU.sparse.major") == b"1" and pax.get(b"GNU.sparse.minor") == b"0"


def format_1_map(take: Take, limits: Limits) -> tuple[int, Regions]:
    """Bytes that the map takes of the entry's data, and the regions it names."""
    taken, text = 0, b""

    def next_number() -> int:
        nonlocal taken, text
        while b"\n" not in text:
            if len(text) > TAR_BLOCK_SIZE:
                raise LayerError("format", "the map of a sparse file has no line ends")
            text += take(TAR_BLOCK_SIZE)
            taken += TAR_BLOCK_SIZE
        line, _, text = text.partition(b"\n")
        return whole_number(b"GNU.sparse map", line)

    count = next_number()
    if count > limits.regions:
        raise _too_many(limits)
    regions = [(next_number(), next_number()) for _ in range(count)]
    return taken, regions


def format_0_map(records: Records, limits: Limits) -> Regions | None:
    """The regions that extended headers name; None if they name none."""
    numbers: list[int] | None = None
    for key, value in records:
        if key in (b"GNU.sparse.offset", b"GNU.sparse.numbytes"):
            numbers = numbers or []
            if (len(numbers) % 2 == 0) != (key == b"GNU.sparse.offset"):
                raise LayerError("format", "the map of a sparse file is out of order")
            numbers.append(whole_number(key, value))
        elif key == b"GNU.sparse.map":
            numbers = [whole_number(key, part) for part in value.split(b",") if part]
    if numbers is None:
        return None
    if len(numbers) % 2:
        raise LayerError("format", "the map of a sparse file has an offset without a length")
    regions = list(zip(numbers[::2], numbers[1::2], strict=True))
    _limit(regions, limits)
    return regions


def check(regions: Regions, *, size: int, packed_size: int) -> None:
    """Refuse a map that overlaps, goes beyond the file, or is about other data than there is."""
    end = total = 0
    for offset, length in regions:
        if offset < end or length < 0:
            raise LayerError("format", "the regions of a sparse file overlap or go backwards")
        end = offset + length
        total += length
    if end > size:
        raise LayerError("format", "a region of a sparse file is beyond its end")
    if total != packed_size:
        raise LayerError(
            "format", f"a sparse file has {packed_size} bytes of data, its map is about {total}"
        )


def _limit(regions: Regions, limits: Limits) -> None:
    if len(regions) > limits.regions:
        raise _too_many(limits)


def _too_many(limits: Limits) -> LayerError:
    return LayerError("limit", f"a sparse file has more than {limits.regions} regions of data")
