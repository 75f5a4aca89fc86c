"""URLs in errors: invalid ones, and those with secrets in them."""

from __future__ import annotations

import pytest

from imgadm import streams


@pytest.mark.parametrize("url", ["http://[", "http://h:x/", "http://a..b/", "http://", "ftp://h/"])
def test_what_is_no_address_is_an_error_of_the_fetch(url: str) -> None:
    with pytest.raises(streams.FetchError) as caught:
        streams.run(streams.http_get(url, delays=(0,)), streams.into_process(["cat"]))
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    "url", ["http://ann:s3cret@127.0.0.1:1/x", "http://127.0.0.1:1/x?key=s3cret#s3cret"]
)
def test_secrets_are_in_no_error(url: str) -> None:
    with pytest.raises(streams.FetchError) as caught:
        streams.run(streams.http_get(url, delays=(0,)), streams.into_process(["cat"]))
    assert "127.0.0.1:1/x" in caught.value.message
    assert "s3cret" not in caught.value.message
    with pytest.raises(streams.SendError) as refused:
        streams.run(streams.read_file(__file__), streams.http_put(url))
    assert "s3cret" not in refused.value.message
