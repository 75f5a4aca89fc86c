"""Hosts in all their spellings, and proxies that are not trusted or do not connect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from imgadm.base.urls import server_address
from imgadm.client.session import make_session
from imgadm.sources import ClientOptions, UnreachableError

PONG = {"ping": "pong", "version": "4.13.1", "imgapi": True}


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://bücher.example:8080/x", "http://xn--bcher-kva.example:8080/x"),
        ("https://BÜCHER.example", "https://xn--bcher-kva.example"),
        ("https://日本.example.", "https://xn--wgv71a.example."),
        ("https://[fe80::1%25eth0]:8443", "https://[fe80::1%25eth0]:8443"),
        ("https://[fe80::1%eth0]", "https://[fe80::1%25eth0]"),
        ("https://a_b.example", "https://a_b.example"),
    ],
)
def test_a_host_is_named_as_requests_name_it(url: str, base: str) -> None:
    """Else the one server whose certificate is not checked would be taken for another one."""
    assert server_address(url).base == base
    with make_session(ClientOptions(environment={}), home=base, insecure=True) as session:
        asked = session.prepare_request(_get(f"{base}/images")).url or ""
        assert asked == f"{base}/images"
        assert session.merge_environment_settings(asked, {}, None, None, None)["verify"] is (
            base.startswith("http:")
        )


def _get(url: str) -> Any:
    import requests

    return requests.Request("GET", url)


@pytest.mark.parametrize("source", ["http://images.invalid", "https://images.invalid"])
@pytest.mark.parametrize("insecure", [False, True])
def test_the_certificate_of_a_proxy_is_checked(
    secure_web: Any, opened: Any, source: str, insecure: bool
) -> None:
    """A proxy may get a password, and ``insecure`` is not about proxies."""
    environment = {"https_proxy": secure_web.url.replace("//", "//user:pw@")}
    with pytest.raises(UnreachableError) as caught:
        opened(source, environment=environment, insecure=insecure).list_images()
    assert caught.value.code == "DEPTH_ZERO_SELF_SIGNED_CERT"
    assert secure_web.requests == []


def test_a_proxy_over_tls(secure_web: Any, certificate: Path, opened: Any) -> None:
    secure_web["http://images.invalid/ping"] = PONG
    environment = {"https_proxy": secure_web.url, "SSL_CERT_FILE": str(certificate)}
    opened("http://images.invalid", environment=environment).ping()
    assert secure_web.paths == ["http://images.invalid/ping"]


def test_a_proxy_that_refuses(proxy: Any, opened: Any) -> None:
    with pytest.raises(UnreachableError) as caught:
        opened("https://images.invalid", environment={"https_proxy": proxy.url}).list_images()
    assert caught.value.reason == f"the proxy refuses to connect: 403 Forbidden (proxy {proxy.url})"
    assert proxy.seen == ["CONNECT images.invalid:443"], "it would say so again"
