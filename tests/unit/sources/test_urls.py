"""How URLs of sources are spelled, compared and shown."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgadm.base.errors import ConfigError
from imgadm.base.redaction import redact_url
from imgadm.base.urls import normalise_url, server_address
from imgadm.client.proxies import Proxies
from imgadm.sources import open_source
from imgadm.state.source_config import SourceConfig


@pytest.mark.parametrize(
    ("typed", "normalised"),
    [
        ("example.com", "http://example.com"),
        ("example.com:9999", "http://example.com:9999"),
        ("https://example.com:443/", "https://example.com"),
        ("https://example.com:80/x/", "https://example.com:80/x"),
        ("HTTP://EXAMPLE.com/A/", "http://example.com/A"),
        ("http://example.com//", "http://example.com/"),
        ("http://example.com/?channel=a", "http://example.com?channel=a"),
        ("http://user:pw@example.com/", "http://user:pw@example.com"),
        ("http://[::1]:80/", "http://[::1]"),
        ("http://[2001:DB8::1]:8080/x", "http://[2001:db8::1]:8080/x"),
        ("http://example.com/a b", "http://example.com/a%20b"),
        ("http://example.com/#f", "http://example.com#f"),
        ("localhost", "http://localhost"),
    ],
)
def test_normalised(typed: str, normalised: str) -> None:
    assert normalise_url(typed) == normalised
    assert normalise_url(normalised) == normalised.removesuffix("/")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://", "it has no host"),
        ("", "it has no host"),
        ("/path", "it has no host"),
        ("http://:80/", "it has no host"),
        ("ftp://example.com", 'its scheme is "ftp", http or https was expected'),
        ("http://example.com:99999", "its port is no number from 1 to 65535"),
        ("http://example.com:x", "its port is no number from 1 to 65535"),
        ("http://example.com:0", "its port is no number from 1 to 65535"),
        ("http://[::1", "invalid ipv6 url"),
        ("http://[zz]/", "ipv4 or ipv6"),
        ("http://exa mple.com", '"exa%20mple.com" is no host name'),
        ("http://example.com/\r\nHost: x", "it has control characters"),
        ("http://a<b>/", '"a<b>" is no host name'),
    ],
)
def test_refused(url: str, reason: str) -> None:
    with pytest.raises(ConfigError, match="invalid image source URL") as caught:
        normalise_url(url)
    assert reason in str(caught.value)
    assert str(caught.value).isprintable()


@settings(deadline=None)
@given(st.text(alphabet="htps:/[]@?#.%a1 é\n", max_size=24))
def test_any_text_is_a_url_or_a_config_error(text: str) -> None:
    try:
        normalised = normalise_url(text)
    except ConfigError:
        return
    assert normalised.startswith(("http://", "https://"))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://user:secret@h/x", "http://***@h/x"),
        ("user:secret@h", "***@h"),
        ("http://user:a:b@h/", "http://***@h/"),
        ("http://user:a@b@h/", "http://***@h/"),
        ("http://h.example:80/a@b", "http://h.example:80/a@b"),
        ("http://token@h", "http://***@h"),
        ("http://:secret@[::1]:80/x", "http://***@[::1]:80/x"),
        ("//user:secret@h", "//***@h"),
        # What stands unescaped in a password makes everything doubtful.
        ("http://user:se/cret@h/", "http://***"),
        ("http://user:se?cret@h/", "http://***"),
        ("http://user:se#cret@h/", "http://***"),
        ("http://user:12/34@h/", "http://***"),
        ("http://to/ken@h/", "http://***"),
        ("user:se/cret@h", "***"),
        ("http:/user:secret@h", "***"),
        ("http:\\\\user:secret@h", "***"),
        ("http://u:p@h/?a=b@c&token=secret", "http://***"),
        # Of a query, only what is known to be harmless.
        ("http://h/?channel=dev&token=secret", "http://h/?channel=dev&token=***"),
        ("http://h?secret", "http://h?***"),
        (
            "http://h/;key=secret/x?X-Amz-Signature=secret",
            "http://h/;key=***/x?X-Amz-Signature=***",
        ),
        ("http://h/x#secret", "http://h/x#***"),
        ("http://h/x?channel=dev", "http://h/x?channel=dev"),
    ],
)
def test_passwords_are_not_shown(url: str, shown: str) -> None:
    assert redact_url(url) == shown


def test_where_requests_go() -> None:
    address = server_address("http://me:p%40ss@h/base/?channel=dev&key=1")
    assert (address.base, address.channel) == ("http://h/base", "dev")
    assert address.credentials == ("me", "p@ss")
    assert address.url("/images", (("a", "b c"),)) == "http://h/base/images?key=1&a=b+c"
    assert server_address("h").url("/ping") == "http://h/ping"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"url": "http://h/"}, {"url": "HTTP://H"}, True),
        ({"url": "http://h"}, {"url": "http://h?channel=x"}, False),
        ({"url": "h"}, {"url": "h", "insecure": False}, False),
        ({"url": "h", "channel": "a"}, {"url": "h", "channel": "b"}, False),
        ({"url": "h", "type": "imgapi"}, {"url": "h"}, True),
        ({"url": "h", "type": "dsapi"}, {"url": "h"}, False),
    ],
)
def test_identity(one: dict, other: dict, same: bool) -> None:
    left, right = SourceConfig.from_dict(one), SourceConfig.from_dict(other)
    assert (left.identity == right.identity) is same


@pytest.mark.parametrize(
    ("config", "shown"),
    [
        (SourceConfig("h"), '"imgapi" image source "h"'),
        (SourceConfig("h", insecure=True), '"imgapi" image source "h" (insecure)'),
        (SourceConfig("h", insecure=False), '"imgapi" image source "h"'),
        (
            SourceConfig("http://u:p@h", "dsapi", True, "dev"),
            '"dsapi" image source "http://***@h" (insecure) (channel=dev)',
        ),
    ],
)
def test_display(config: SourceConfig, shown: str) -> None:
    assert config.display == shown
    assert SourceConfig.from_dict(config.to_dict()) == config


def test_configuration_entry() -> None:
    entry = SourceConfig("h", insecure=False, channel="dev").to_dict()
    assert list(entry.items()) == [
        ("type", "imgapi"),
        ("url", "h"),
        ("insecure", False),
        ("channel", "dev"),
    ]


@pytest.mark.parametrize(
    "entry", [None, [], {}, {"url": 5}, {"url": "h", "insecure": "no"}, {"url": "h", "type": None}]
)
def test_broken_configuration_entries(entry: object) -> None:
    with pytest.raises(ConfigError):
        SourceConfig.from_dict(entry)


def test_unknown_type() -> None:
    with pytest.raises(ConfigError, match='invalid source type: "bogus"'):
        open_source(SourceConfig("http://h", "bogus"))


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({}, "http://h/", None),
        ({"https_proxy": "http://p:1"}, "http://h/", "http://p:1"),
        ({"https_proxy": "http://p:1", "http_proxy": "http://q:1"}, "http://h/", "http://p:1"),
        ({"http_proxy": "p:1", "HTTPS_PROXY": "q:1"}, "https://h/", "http://p:1"),
        ({"HTTPS_PROXY": "p:1"}, "https://h/", "http://p:1"),
        ({"HTTP_PROXY": "p:1"}, "https://h/", "http://p:1"),
        ({"ALL_PROXY": "p:1", "https_proxy": ""}, "https://h/", "http://p:1"),
        ({"http_proxy": "p:1", "no_proxy": "*"}, "http://h/", None),
        ({"http_proxy": "p:1", "no_proxy": "a, example.com"}, "http://x.example.com/", None),
        ({"http_proxy": "p:1", "NO_PROXY": ".example.com"}, "http://EXAMPLE.com/", None),
        ({"http_proxy": "p:1", "no_proxy": "example.com"}, "http://notexample.com/", "http://p:1"),
        ({"http_proxy": "p:1", "no_proxy": "h:8080"}, "http://h:8080/", None),
        ({"http_proxy": "p:1", "no_proxy": "h:8080"}, "http://h/", "http://p:1"),
        ({"http_proxy": "p:1", "no_proxy": "h:80"}, "http://h/", None),
        ({"http_proxy": "p:1", "no_proxy": "10.0.0.0/8"}, "http://10.1.2.3/", None),
        ({"http_proxy": "p:1", "no_proxy": "10.0.0.0/8"}, "http://11.1.2.3/", "http://p:1"),
        ({"http_proxy": "p:1", "no_proxy": "::1"}, "http://[::1]:80/", None),
        ({"http_proxy": "p:1", "no_proxy": " , "}, "http://h/", "http://p:1"),
    ],
)
def test_proxy_for_a_url(environment: dict[str, str], url: str, proxy: str | None) -> None:
    assert Proxies.from_environment(environment).of(url) == proxy


@pytest.mark.parametrize("proxy", ["socks5://p:1", "http://", "p:x"])
def test_proxies_that_are_none(proxy: str) -> None:
    with pytest.raises(ConfigError, match=r"^http_proxy is "):
        Proxies.from_environment({"http_proxy": proxy})
