"""Which fields of a manifest count as changed."""

from __future__ import annotations

from typing import Any

import pytest

from imgadm.operations.upkeep.manifest_changes import changed_fields

TABLE: list[tuple[dict[str, Any], dict[str, Any], list[str]]] = [
    # recorded, offered, changed
    ({}, {}, []),
    ({"a": 1, "b": "x"}, {"a": 1, "b": "x"}, []),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
    ({"tags": {"a": 1, "b": [{"c": 2, "d": 3}]}}, {"tags": {"b": [{"d": 3, "c": 2}], "a": 1}}, []),
    ({"a": 1}, {"a": 1.0}, []),
    ({"a": 1}, {"a": 2}, ["a"]),
    ({"a": 1}, {"a": "1"}, ["a"]),
    ({"a": 1}, {"a": True}, ["a"]),
    ({"a": [False]}, {"a": [0]}, ["a"]),
    ({"a": None}, {"a": False}, ["a"]),
    ({"a": None}, {}, ["a"]),
    ({}, {"a": None}, ["a"]),
    ({"a": [1, 2]}, {"a": [2, 1]}, ["a"]),
    ({"a": [1, 2]}, {"a": [1]}, ["a"]),
    ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}, ["a"]),
    ({"a": {"b": 1}}, {"a": {"c": 1}}, ["a"]),
    # Those on offer in their order, then those that were only recorded, in theirs.
    (
        {"z": 1, "old": 1, "a": 1, "older": 1},
        {"new": 1, "a": 2, "z": 2, "newer": 1},
        ["new", "a", "z", "newer", "old", "older"],
    ),
    # Requirements that both have are told member by member, at the end.
    (
        {"requirements": {"min_ram": 1, "old": 1, "brand": "lx"}, "gone": 1},
        {"requirements": {"new": 1, "min_ram": 2, "brand": "lx"}, "a": 1},
        ["a", "gone", "requirements.new", "requirements.min_ram", "requirements.old"],
    ),
    ({"requirements": {"a": 1, "b": 2}}, {"requirements": {"b": 2, "a": 1}}, []),
    ({"a": 1}, {"requirements": {"min_ram": 1}, "b": 1}, ["requirements", "b", "a"]),
    ({"requirements": {"min_ram": 1}, "b": 1}, {"a": 1}, ["a", "requirements", "b"]),
    ({"requirements": []}, {"requirements": {}, "b": 1}, ["requirements", "b"]),
]


@pytest.mark.parametrize(("recorded", "offered", "changed"), TABLE)
def test_changed_fields(
    recorded: dict[str, Any], offered: dict[str, Any], changed: list[str]
) -> None:
    assert changed_fields(recorded, offered) == changed
