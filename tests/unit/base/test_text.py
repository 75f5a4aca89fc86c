"""Which characters of strangers are shown, and how the others are."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgadm.base.json_text import indented
from imgadm.base.text import is_printable, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\x1b[2J\x00\x7f", "a\\x1b[2J\\x00\\u007f"),
        ("a\tb\nc\rd", "a\\tb\\nc\\rd"),
        ("\x85\x9b", "\\u0085\\u009b"),
        ("\u202e\u2066\u200e\u061c", "\\u202e\\u2066\\u200e\\u061c"),
        ("\u200b\u200c\u200d\ufeff\u00ad\u2060", "\\u200b\\u200c\\u200d\\ufeff\\u00ad\\u2060"),
        ("\u2028\u2029\u00a0\u3000", "\\u2028\\u2029\\u00a0\\u3000"),
        ("\u3164\u115f\u034f\U000e0100", "\\u3164\\u115f\\u034f\\udb40\\udd00"),
        ("\ud800\U000e0041\U0010ffff", "\\ud800\\udb40\\udc41\\udbff\\udfff"),
        ("a\u200db", "a\\u200db"),
    ],
)
def test_escapes(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown
    assert is_printable(text) is (text == shown)


@pytest.mark.parametrize(
    "text", ["é e\u0301", "日本語", "שלום", "مرحبا", "नमस्ते", "👩‍👩‍👧 🏳️‍🌈 ❤️ 👍🏽", "→ ✓ ½ €"]
)
def test_letters_and_pictures_stay(text: str) -> None:
    assert printable(text) == text


def test_what_is_to_be_kept_is() -> None:
    assert printable("a\n\tb\x1b\u2028é", keep="\n\t") == "a\n\tb\\x1b\\u2028é"


@settings(deadline=None)
@given(st.text())
def test_any_text_comes_out_printable(text: str) -> None:
    shown = printable(text)
    assert shown.replace("\u200d", "").isprintable()
    assert printable(shown) == shown


@settings(deadline=None)
@given(st.recursive(st.text() | st.integers() | st.none(), st.lists))
def test_json_stays_what_it_means(value: object) -> None:
    assert json.loads(printable(indented(value), keep="\n")) == value
