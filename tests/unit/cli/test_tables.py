"""Tables to the byte, and the order of rows."""

from __future__ import annotations

from typing import Any

import pytest

from imgadm.base.errors import UsageError
from imgadm.cli.output.tables import sort_rows, split_fields, table
from imgadm.operations.listing.comparison import MISSING


@pytest.mark.parametrize(
    ("rows", "columns", "header", "text"),
    [
        (
            [
                {"a": "x", "b": True, "c": None, "d": 0, "e": ""},
                {"a": "yy", "b": [1, 2], "d": 1.5, "e": "q"},
            ],
            "abcde",
            True,
            "A   B      C  D    E\nx   true   -  0    \nyy  [1,2]  -  1.5  q\n",
        ),
        ([{"a": "x"}], ["a", "zzz"], False, "x  -\n"),
        ([], "a", True, ""),
        ([{"a": ""}], "aba", True, "A  B  A\n   -  \n"),
        ([{"a": {"k": "é", "n": [None]}}], "a", False, '{"k":"é","n":[null]}\n'),
        ([{"a": 1.0, "b": 1e21, "c": 1e-5}], "abc", False, "1  1e+21  0.00001\n"),
        ([{"": "x"}], [""], True, "\nx\n"),
    ],
)
def test_tables(rows: list[dict[str, Any]], columns: str, header: bool, text: str) -> None:
    assert table(rows, list(columns), header=header) == text


def test_width_counts_utf16_code_units() -> None:
    assert table([{"a": "𝄞", "b": 1}, {"a": "xyz", "b": 2}], ["a", "b"], header=False) == (
        "𝄞   1\nxyz  2\n"
    )


def test_what_a_terminal_would_obey_is_escaped() -> None:
    shown = table([{"a": "\x1b[2J\n\x9b\u202fé"}], ["a"], header=False)
    assert shown == "\\x1b[2J\\n\\u009b\\u202fé\n"


@pytest.mark.parametrize(
    ("field", "values", "ordered"),
    [
        ("v", ["10", "9", "1.10", "1.9"], ["1.10", "1.9", "9", "10"]),
        ("v", ["10", "9", MISSING, "abc", None], [MISSING, "9", "10", "abc", None]),
        ("-v", ["10", "9", MISSING, "abc"], ["abc", "10", "9", MISSING]),
        ("v", [True, False, 2, ""], [False, "", True, 2]),
        ("v", ["b", "B", "a", "A", "_"], ["A", "B", "_", "a", "b"]),
        ("v", ["1.2.3", "1.10.0", "1.9.9"], ["1.10.0", "1.2.3", "1.9.9"]),
        ("v", ["0x10", "1e1", " 9 ", "Infinity"], [" 9 ", "1e1", "0x10", "Infinity"]),
        ("v", ["inf", "nan", "1_0"], ["1_0", "inf", "nan"]),
        ("v", ["\U00010000", "\uff5e", "a"], ["a", "\U00010000", "\uff5e"]),
        ("v", [["b"], ["a"]], [["a"], ["b"]]),
        ("v", [{"b": 1}, "a"], [{"b": 1}, "a"]),
        ("-v", ["a", MISSING, "b"], ["b", "a", MISSING]),
        ("-v", [1, MISSING, 2], [2, 1, MISSING]),
    ],
)
def test_order(field: str, values: list[Any], ordered: list[Any]) -> None:
    rows = [{} if value is MISSING else {"v": value} for value in values]
    assert [row.get("v", MISSING) for row in sort_rows(rows, [field])] == ordered


@pytest.mark.parametrize("fields", [["v"], ["-v"], ["v", "-w"], ["x"]])
@pytest.mark.parametrize("odd", [0, "abc"])
def test_order_is_stable(fields: list[str], odd: Any) -> None:
    rows = [{"v": odd if n % 3 else "5", "w": 1, "n": n} for n in range(30)]
    ordered = sort_rows(rows, fields)
    for value in (odd, "5"):
        numbers = [row["n"] for row in ordered if row["v"] == value]
        assert numbers == sorted(numbers)


def test_several_fields() -> None:
    rows = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}, {"a": 1, "b": "z"}]
    assert [row["b"] for row in sort_rows(rows, ["-a", "-b"])] == ["y", "z", "x"]


@pytest.mark.parametrize("text", ["", "-", "a,", "a,,b"])
def test_fields_need_names(text: str) -> None:
    with pytest.raises(UsageError, match=f"^zero-length sort field: {text}$"):
        sort_rows([], split_fields(text))


def test_field_lists() -> None:
    assert split_fields(" a , b,c ") == ["a", "b", "c"]
