"""JSON as it is shown: what the standard library writes, only sooner."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgadm.base.json_text import indented

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(VALUES)
def test_any_value(value: Any) -> None:
    assert indented(value) == json.dumps(value, indent=2, ensure_ascii=False)


@pytest.mark.parametrize(
    "value",
    [
        {"a": {}, "b": [], "c": [[], {}], "": {"d": [1, True, None, 1.5, 'é\n"\u2028\ud800']}},
        [[[["x"]]]],
        "x",
        10**40,
    ],
)
def test_values(value: Any) -> None:
    assert indented(value) == json.dumps(value, indent=2, ensure_ascii=False)
