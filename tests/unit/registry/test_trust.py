"""An insecure registry is believed; where it sends us to is checked."""

from __future__ import annotations

from typing import Any

import pytest

from imgadm.registry.access.tokens import Grant, Tokens
from imgadm.sources import ClientOptions, SourceError


@pytest.mark.parametrize("at_home", [True, False])
def test_the_certificate_of_a_token_server(secure_web: Any, at_home: bool) -> None:
    secure_web["/token?service=s"] = {"token": "t0ken"}
    registry = secure_web.url if at_home else "https://127.0.0.1:1"
    tokens = Tokens(registry, ClientOptions(environment={}, retry_delays=()), insecure=True)
    grant = Grant(f"{secure_web.url}/token", "s", ())
    if at_home:
        assert tokens.get(grant, None) == "t0ken"
        return
    with pytest.raises(SourceError, match="certificate not trusted"):
        tokens.get(grant, None)
    assert secure_web.requests == []


def test_a_token_server_without_tls() -> None:
    tokens = Tokens("http://registry.example", ClientOptions(environment={}), insecure=True)
    with pytest.raises(SourceError, match="an https address was expected"):
        tokens.get(Grant("http://tokens.example/t", "s", ()), None)
