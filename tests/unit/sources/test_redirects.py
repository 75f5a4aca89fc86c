"""A redirect leads to an HTTP address, or is refused with a reason."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from imgadm.client.redirects import RefusedRedirectError
from imgadm.client.session import make_session
from imgadm.sources import ClientOptions

PIECES = (
    ["http://", "https://", "//", "/", "[", "]", ":", "@", "127.0.0.1", "::1", "a..b", "x" * 70]
    + ["é", "\u2100", "%", "%zz", "?", "#", " ", "\t", "\x00", "\x7f", "\x85", "0", "99999", "ftp:"]
    + ["javascript:", ".", "..", "\udcff", "\u202e", "-", "_", "xn--", "\\", ";", "=", "&"]
)


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(PIECES), max_size=6).map("".join),
    st.sampled_from(["http://h/a", "https://h:8443/a?b"]),
)
def test_any_location_is_an_address_or_refused(location: str, url: str) -> None:
    response = requests.Response()
    response.status_code = 302
    response.url = url
    response.headers["Location"] = location
    refused: RefusedRedirectError | None = None
    with make_session(ClientOptions(environment={})) as session:
        try:
            target = session.get_redirect_target(response)
        except RefusedRedirectError as error:
            refused = error
    if refused is not None:
        assert str(refused).isprintable()
        return
    assert target is not None
    parts = urlsplit(urljoin(url, target))
    assert parts.hostname
    assert parts.port is None or 0 <= parts.port < 65536
    assert parts.scheme in ("http", "https")
    assert (parts.scheme == "https") or url.startswith("http:")
