"""Tables of plain text and the order of their rows, which scripts rely on.

Columns are left-justified and separated by two blanks. The last column is not padded. A table
without rows is an empty text, without a header.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from imgadm.base.errors import UsageError
from imgadm.base.json_text import compact_json
from imgadm.base.text import is_printable, printable
from imgadm.operations.listing.comparison import (
    MISSING,
    number_form,
    number_text,
    spells_number,
    string_form,
)

Row = Mapping[str, Any]
"""The values of one row by column."""


def split_fields(text: str) -> list[str]:
    """Return the field names in an ``-o`` or ``-s`` value."""
    return re.split(r"\s*,\s*", text.strip())


def cell_text(value: object) -> str:
    """Return the text of a cell: a string as it is, no value as a dash, others as compact JSON."""
    if value is None or value is MISSING:
        return "-"
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number_text(value)
    return compact_json(value)


def safe_cell_text(value: object) -> str:
    """Return the text of a cell, with escapes for characters that are not printable."""
    return printable(cell_text(value))


def table(
    rows: Sequence[Row],
    columns: Sequence[str],
    *,
    header: bool = True,
    cell: Callable[[object], str] = safe_cell_text,
) -> str:
    """Return the table of ``columns`` of ``rows``.

    ``cell`` makes the text of a value. Each line ends in a newline.
    """
    values = [[row.get(column) for row in rows] for column in columns]
    return table_of_columns(columns, values, header=header, cell=cell)


def table_of_columns(
    columns: Sequence[str],
    values: Sequence[list[Any]],
    *,
    header: bool = True,
    cell: Callable[[object], str] = safe_cell_text,
) -> str:
    """Return the table with these ``columns``; ``values`` has a list of values for each."""
    if not values[0]:
        return ""
    shown = [_cells(*column, cell) for column in zip(columns, values, strict=True)]
    padded = [*map(_justified, shown[:-1]), shown[-1]]
    lines = ["  ".join(line) for line in zip(*padded, strict=True)]
    return "\n".join(lines if header else lines[1:]) + "\n"


def sort_rows(rows: Sequence[Row], fields: Sequence[str]) -> list[Row]:
    """Return ``rows`` sorted as :func:`sort_order` says."""
    order = sort_order(len(rows), lambda name: [row.get(name, MISSING) for row in rows], fields)
    return [rows[index] for index in order]


def sort_order(
    count: int, values_of: Callable[[str], list[Any]], fields: Sequence[str]
) -> list[int]:
    """Return the indexes of ``count`` rows, sorted stably by ``fields`` in turn.

    A leading minus reverses a field. ``values_of(field)`` returns the values of all rows, MISSING
    for a row without the field. Two values that are numbers, or spell numbers, compare as numbers;
    a missing value precedes all others; texts compare by UTF-16 code unit. Raises UsageError for a
    field without a name.
    """
    keys = [(field.removeprefix("-"), field.startswith("-")) for field in fields]
    if not all(name for name, _ in keys):
        raise UsageError(f"zero-length sort field: {','.join(fields)}")
    order = list(range(count))
    for name, reverse in reversed(keys):
        order = _sorted_by(order, values_of(name), reverse=reverse)
    return order


def _cells(column: str, values: list[object], cell: Callable[[object], str]) -> list[str]:
    """Return the title of a column and the texts of its cells."""
    plain = _joined(values)
    if plain is not None and is_printable(plain):
        return [column.upper(), *cast("list[str]", values)]
    return [column.upper(), *map(cell, values)]


def _justified(cells: list[str]) -> list[str]:
    """Return the texts of a column, all as wide as the widest."""
    if "".join(cells).isascii():
        width = max(map(len, cells))
        return [text.ljust(width) for text in cells]
    widths = [*map(_width, cells)]
    widest = max(widths)
    return [text + " " * (widest - width) for text, width in zip(cells, widths, strict=True)]


def _width(text: str) -> int:
    """Return the length in UTF-16 code units."""
    return len(text) if text.isascii() else len(text) + sum(c > "\uffff" for c in text)


def _joined(values: list[Any]) -> str | None:
    """Return all texts joined, for checks of all at once; None if any value is not a text."""
    try:
        return "".join(values)
    except TypeError:
        return None


def _sorted_by(order: list[int], values: list[Any], *, reverse: bool) -> list[int]:
    """Return ``order`` sorted by the ``values`` at its indexes."""
    if _are_plain_texts(values):
        return sorted(order, key=values.__getitem__, reverse=reverse)
    numbers = [number_form(value) for value in values]
    present = [index for index, value in enumerate(values) if value is not MISSING]
    keys: list[tuple[bool, Any]]
    if all(numbers[index] is not None for index in present):
        keys = [
            (value is not MISSING, number or 0)
            for value, number in zip(values, numbers, strict=True)
        ]
    elif all(isinstance(values[i], str) and numbers[i] is None for i in present):
        keys = [
            (value is not MISSING, _code_units(value) if value is not MISSING else "")
            for value in values
        ]
    else:
        return _merge_sorted(order, _comparison(values, numbers, -1 if reverse else 1))
    return sorted(order, key=keys.__getitem__, reverse=reverse)


def _are_plain_texts(values: list[Any]) -> bool:
    """Tell whether all values are ASCII texts that do not spell numbers."""
    joined = _joined(values)
    return joined is not None and joined.isascii() and not any(map(spells_number, values))


def _comparison(
    values: Sequence[Any], numbers: Sequence[float | None], sign: int
) -> Callable[[int, int], int]:
    """Return a comparison of values of different kinds, which is not transitive."""

    def compare(first: int, second: int) -> int:
        a, b = numbers[first], numbers[second]
        if a is not None and b is not None:
            return sign * ((a > b) - (a < b))
        missing = (values[first] is MISSING, values[second] is MISSING)
        if any(missing):
            return sign * (missing[1] - missing[0])
        if not all(
            isinstance(value, (str, list, dict)) for value in (values[first], values[second])
        ):
            return 0
        left, right = (_code_units(string_form(values[index])) for index in (first, second))
        return sign * ((left > right) - (left < right))

    return compare


def _merge_sorted(items: list[int], compare: Callable[[int, int], int]) -> list[int]:
    """Sort stably by a comparison that need not be transitive, as a merge sort does."""
    if len(items) < 2:
        return items
    middle = len(items) // 2
    left = _merge_sorted(items[:middle], compare)
    right = _merge_sorted(items[middle:], compare)
    merged: list[int] = []
    i = j = 0
    while i < len(left) and j < len(right):
        if compare(left[i], right[j]) <= 0:
            merged.append(left[i])
            i += 1
        else:
            merged.append(right[j])
            j += 1
    return merged + left[i:] + right[j:]


def _code_units(text: str) -> str:
    """Return a text that sorts as ``text`` does by UTF-16 code unit."""
    if text.isascii():
        return text
    units = text.encode("utf-16-be", "surrogatepass")
    return "".join(chr(units[i] << 8 | units[i + 1]) for i in range(0, len(units), 2))
