"""What may let somebody in is never part of a text."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgadm.base.redaction import SecretUrl, redact_text, redact_url, redact_values, redact_words

SECRET = "S3CR3T"
ODD = st.text(alphabet="ab1/?#@:%[]\\é ;=&.", max_size=6)


@settings(deadline=None)
@given(
    st.sampled_from(["", "http://", "HTTPS://", "//", "http:/", "x:"]),
    st.sampled_from(["ann:", ":", "", "a%20b:", "a/b:"]),
    ODD,
    ODD,
    st.sampled_from(["h", "h.example:8080", "[::1]", "127.0.0.1:1", "", "h:x"]),
    st.sampled_from(["", "/", "/a/b", "/a@b", "?channel=x", "?a=b@c#d"]),
)
def test_no_password_is_shown(
    scheme: str, user: str, before: str, after: str, host: str, path: str
) -> None:
    """Whatever stands in it, and whatever else is wrong with the URL."""
    shown = redact_url(f"{scheme}{user}{before}{SECRET}{after}@{host}{path}")
    assert SECRET not in shown
    assert redact_url(shown) == shown, "what is shown is shown as it is"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://u:p@h/x: Error", "http://***@h/x: Error"),
        ('see "https://t@h", (http://h?t=x)', 'see "https://***@h", (http://h?t=***)'),
        ("url: /images?token=x&limit=5 (Caused", "url: /images?token=***&limit=5 (Caused"),
        ("url: /images?token=a'b)c (Caused", "url: /images?token=*** (Caused"),
        ("with url: /images?key&x (Caused", "with url: /images?***&*** (Caused"),
        (
            "got /images?key= and /a;sig=s/b?limit=1;t=s",
            "got /images?*** and /a;sig=***/b?limit=***",
        ),
        ("http://h/?t=***: Error: x", "http://h/?t=***: Error: x"),
        ("//u:p@h/x", "//***@h/x"),
        ("text/html;charset=utf-8", "text/html;charset=utf-8"),
        (
            "Host: h authorization: Basic dTpwYXNz accept: */*",
            "Host: h authorization: Basic *** accept: */*",
        ),
        ('{"Authorization":"Bearer abc.def-9"}', '{"Authorization":"Bearer ***"}'),
        ("as Authorization: Bearer TOKEN; name", "as Authorization: Bearer TOKEN; name"),
        ("netloc 'user:pw@h' is bad", "netloc '***@h' is bad"),
        ("[user:p,w@h]", "[***@h]"),
        ("reg/a:1,user:pw@h", "reg/a:1,***@h"),
        ("busybox:1.25@sha256:abc", "busybox:1.25@sha256:abc"),
        ("zones/a@final", "zones/a@final"),
        ("a: b@c", "a: b@c"),
        ('{"a":"http://u:p@h/"}', '{"a":"http://***@h/"}'),
    ],
)
def test_texts_with_urls_in_them(text: str, shown: str) -> None:
    assert redact_text(text) == shown


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a", ":", "@", "/", "?", "=", ";", "&", "#", " ", "'", "h.x"])))
def test_what_is_shown_is_shown_as_it_is(pieces: list[str]) -> None:
    shown = redact_text("http://h" + "".join(pieces))
    assert redact_text(shown) == shown


@pytest.mark.parametrize(
    "piece", ["a", "a:", "~", ":;", "a,", "?a", "'/", "(/;", "//", "@a:", ";a="]
)
def test_long_texts_of_strangers_take_no_time(piece: str) -> None:
    """With a square of the length this would take hours."""
    text = f"@ :// with url: {piece * (1 << 18)}"
    assert SECRET not in redact_text(f"{text} http://u:{SECRET}@h")


DIGEST = "@sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("http://u:p@h", "http://***@h"),
        ("--source=u:p@h", "--source=***@h"),
        ("u:p/q@h", "***"),
        ("busybox" + DIGEST, "busybox" + DIGEST),
        ("localhost:5000/x:1" + DIGEST, "localhost:5000/x:1" + DIGEST),
        ("u:p@localhost:5000/x" + DIGEST, "***@localhost:5000/x" + DIGEST),
        ("name=~base", "name=~base"),
        ("-p", "-p"),
    ],
)
def test_words_of_a_command_line(word: str, shown: str) -> None:
    assert redact_words([word]) == [shown]


def test_values_in_records() -> None:
    value = {"a": ["http://u:p@h", 5, None, {"b": "http://h?k=v"}], "c": b"x"}
    assert redact_values(value) == {
        "a": ["http://***@h", 5, None, {"b": "http://h?k=***"}],
        "c": b"x",
    }


def test_a_url_shows_its_secret_to_nobody_who_does_not_ask() -> None:
    url = SecretUrl("http://u:p@h")
    assert url.reveal() == "http://u:p@h"
    assert url.has_secret
    texts = [str(url), f"{url}", repr(url), json.dumps({"url": url}), url + ""]
    texts += [url.upper(), "".join([url]), str({"a": url}), repr(pickle.loads(pickle.dumps(url)))]
    assert not any("u:p" in text.lower() for text in texts), texts
    assert not SecretUrl("http://h?channel=a").has_secret


def test_urls_are_the_same_if_they_were_typed_alike() -> None:
    one, other = SecretUrl("http://u:p@h"), SecretUrl("http://u:q@h")
    assert one != other
    assert one == SecretUrl("http://u:p@h") == copy.deepcopy(one)
    assert one == "http://***@h"
    assert len({one, other, SecretUrl(one)}) == 2
