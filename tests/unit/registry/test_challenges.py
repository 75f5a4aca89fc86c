"""Headers that ask who we are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgadm.registry.access.challenges import parse_challenges

REALM = {"realm": "https://a/token", "service": "r.example"}


@pytest.mark.parametrize(
    ("header", "challenges"),
    [
        ('Bearer realm="https://a/token",service="r.example"', [("bearer", REALM)]),
        ('bearer REALM="https://a/token" , Service=r.example', [("bearer", REALM)]),
        ('Basic realm="x", Bearer realm="https://a/token",service="r.example"',
         [("basic", {"realm": "x"}), ("bearer", REALM)]),
        ('Bearer scope="repository:a/b:pull,push c:d:e",error="insufficient_scope"',
         [("bearer", {"scope": "repository:a/b:pull,push c:d:e", "error": "insufficient_scope"})]),
        ('Basic realm="a \\"quoted\\" one"', [("basic", {"realm": 'a "quoted" one'})]),
        ("Negotiate", [("negotiate", {})]),
        ("Negotiate abc/def==, Basic realm=x", [("negotiate", {}), ("basic", {"realm": "x"})]),
        ("Basic", [("basic", {})]),
        ("", []),
        ('"', []),
        (",,,", []),
    ],
)  # fmt: skip
def test_headers(header: str, challenges: list[tuple[str, dict[str, str]]]) -> None:
    assert [(got.scheme, dict(got.parameters)) for got in parse_challenges(header)] == challenges


@given(st.text(max_size=300) | st.text('Bb a="\\,=/', max_size=300))
def test_nonsense_ends(header: str) -> None:
    for challenge in parse_challenges(header):
        assert challenge.scheme
