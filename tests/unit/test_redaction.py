"""What may let somebody in is never part of a text."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgadm.redaction import SecretUrl, redact_text, redact_url, redact_values, redact_words

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
        ("netloc 'user:pw@h' is bad", "netloc '***@h' is bad"),
        ("busybox:1.25@sha256:abc", "busybox:1.25@sha256:abc"),
        ("zones/a@final", "zones/a@final"),
        ("a: b@c", "a: b@c"),
        ('{"a":"http://u:p@h/"}', '{"a":"http://***@h/"}'),
    ],
)
def test_texts_with_urls_in_them(text: str, shown: str) -> None:
    assert redact_text(text) == shown


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
