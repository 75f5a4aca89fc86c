"""The maps of sparse files: those of old GNU headers, and the formats 0.0, 0.1 and 1.0 of pax."""

from __future__ import annotations

from collections.abc import Callable

from imgadm.layers.archive.entry import ArchiveEntry
from imgadm.layers.archive.header import TAR_BLOCK_SIZE, Header, number
from imgadm.layers.archive.pax import Records, whole_number
from imgadm.layers.rules.errors import LayerError
from imgadm.layers.rules.limits import Limits

Regions = list[tuple[int, int]]
"""The offset and length of each region of data, ascending."""

Take = Callable[[int], bytes]
"""A function that takes a number of bytes from the archive and returns them."""


def find_regions(
    entry: ArchiveEntry,
    header: Header,
    records: Records,
    take: Take,
    take_data: Take,
    limits: Limits,
) -> None:
    """Set the regions and the sizes of ``entry`` if it is a sparse file.

    ``take`` takes blocks behind the header, ``take_data`` takes them from the data of the entry.
    Raises LayerError for a map that is malformed or too long.
    """
    if header.type == b"S":
        entry.size, entry.regions = _old_gnu_map(header.block, take, limits)
    else:
        _find_regions_in_records(entry, records, take_data, limits)
    if entry.regions is not None:
        _check(entry.regions, size=entry.size, packed_size=entry.packed_size)


def _find_regions_in_records(
    entry: ArchiveEntry, records: Records, take_data: Take, limits: Limits
) -> None:
    pax = dict(records)
    size = pax.get(b"GNU.sparse.realsize") or pax.get(b"GNU.sparse.size")
    if size is not None:
        entry.size = whole_number(b"GNU.sparse.size", size)
    if _is_format_1(pax):
        taken, entry.regions = _format_1_map(take_data, limits)
        entry.packed_size -= taken
    else:
        entry.regions = _format_0_map(records, limits)


def _old_gnu_map(header: bytes, take: Take, limits: Limits) -> tuple[int, Regions]:
    """Return the size of the file and its regions, from a header of type S and the next blocks."""
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


def _is_format_1(pax: dict[bytes, bytes]) -> bool:
    return pax.get(b"GNU.sparse.major") == b"1" and pax.get(b"GNU.sparse.minor") == b"0"


def _format_1_map(take: Take, limits: Limits) -> tuple[int, Regions]:
    """Return the number of bytes of data that the map takes, and the regions that it names."""
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


def _format_0_map(records: Records, limits: Limits) -> Regions | None:
    """Return the regions that extended headers name; None if they name none."""
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


def _check(regions: Regions, *, size: int, packed_size: int) -> None:
    """Refuse a map whose regions overlap, leave the file, or do not add up to ``packed_size``."""
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
