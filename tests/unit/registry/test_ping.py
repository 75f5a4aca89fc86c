"""What counts as a Docker registry, and where one is asked."""

from __future__ import annotations

from typing import Any

import pytest

from imgadm.base.errors import ConfigError
from imgadm.registry import parse_registry_name
from imgadm.sources import ClientOptions, ping_source
from imgadm.sources.errors import SourcePingError
from imgadm.state.source_config import SourceConfig

HTML = {"Content-Type": "text/html"}
UNKNOWN = {"errors": [{"code": "NOT_FOUND", "message": "no such page"}]}


def ping(url: str, **settings: Any) -> None:
    config = SourceConfig(url, "docker", settings.pop("insecure", None))
    ping_source(config, ClientOptions(**{"environment": {}, "retry_delays": ()} | settings))


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        ((401, {"WWW-Authenticate": 'Bearer realm="https://a/token"'}, UNKNOWN), None),
        ((401, HTML, b"<html>who are you?</html>"), None),
        ((200, {}, {}), None),
        ((200, {}, b""), None),
        (
            (200, HTML, b"<html>\nhi</html>"),
            ": Error: statusCode 200, response not JSON:\n    <html>",
        ),
        ((404, HTML, b"nothing"), ": Error: statusCode 404, response not JSON:\n    nothing"),
        (
            (404, {}, UNKNOWN),
            ': Error: HTTP status 404: {"errors":[{"code":"NOT_FOUND","message":"no such page"}]}',
        ),
        ((500, {}, b""), ": Error: statusCode 500, response not JSON:"),
        ((203, {}, {}), None),
    ],
)
def test_ping(web: Any, answer: Any, cause: str | None) -> None:
    web["/v2/"] = answer
    if cause is None:
        ping(web.url)
    else:
        with pytest.raises(SourcePingError) as caught:
            ping(web.url)
        wrong = f'unexpected ping error with "docker" image source "{web.url}"'
        assert caught.value.message.startswith(wrong + cause)
    assert web.paths == ["/v2/"]


def test_credentials_of_the_url_are_not_shown(unused_port: int) -> None:
    with pytest.raises(SourcePingError, match="connect ECONNREFUSED") as caught:
        ping(f"http://user:secret@127.0.0.1:{unused_port}")
    assert "secret" not in caught.value.message


def test_certificates(secure_web: Any) -> None:
    secure_web["/v2/"] = (401, {}, {})
    ping(secure_web.url, insecure=True)
    with pytest.raises(SourcePingError, match="certificate not trusted"):
        ping(secure_web.url)


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("https://docker.io", "https://registry-1.docker.io"),
        ("docker.io/", "https://registry-1.docker.io"),
        ("index.docker.io", "https://registry-1.docker.io"),
        ("https://index.docker.io/v1/", "https://registry-1.docker.io"),
        ("https://quay.io", "https://quay.io"),
        ("Registry.example:5000", "https://registry.example:5000"),
        ("http://registry.example", "http://registry.example"),
        ("localhost:5000", "http://localhost:5000"),
        ("127.0.0.1", "http://127.0.0.1"),
        ("https://localhost", "https://localhost"),
        ("https://user:pw@quay.io", "https://quay.io"),
    ],
)
def test_where_a_registry_is_asked(url: str, root: str) -> None:
    assert parse_registry_name(url).root == root


@pytest.mark.parametrize("url", ["https://user:secret@quay.io/x", "http://user:secret@docker.io"])
def test_passwords_stay_out_of_errors(url: str) -> None:
    with pytest.raises(ConfigError, match="invalid index") as caught:
        parse_registry_name(url)
    assert "secret" not in caught.value.message
