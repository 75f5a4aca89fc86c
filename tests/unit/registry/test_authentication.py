"""Registries that want to know who asks: a real one each for passwords and for tokens."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from imgadm import streams
from imgadm.base.errors import ConfigError
from imgadm.registry import Platform, RemoteImage, RemoteLayer, parse_reference
from imgadm.registry.access.credentials import Credentials
from imgadm.registry.access.tokens import Grant, Tokens
from imgadm.registry.errors import RegistryError, UnauthorizedError
from imgadm.sources import ClientOptions, UnreachableError
from imgadm.sources.docker_source import DockerSource
from tests.stands.registry.fixtures import PASSWORD, USER
from tests.stands.registry.layouts import digest_of, skopeo
from tests.stands.registry.server import Registry
from tests.stands.registry.token_server import TokenServer
from tests.unit.registry.conftest import OpenDocker, resolved, write_auth


def fetched(source: DockerSource, image: RemoteImage) -> None:
    """Fetch all layers and check them."""
    for layer in image.layers:
        expected = layer.digest.removeprefix("sha256:")
        streams.run(
            source.fetch_layer(image, layer),
            streams.checksum("sha256", expected=expected),
            streams.into_process(["cat"]),
        )


def auths(host: str, **entry: str) -> str:
    return json.dumps({"auths": {host: entry}})


def encoded(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def test_a_password_in_the_file_that_skopeo_writes(
    private_registry: Registry, two_layers: str, opened_registry: OpenDocker, tmp_path: Path
) -> None:
    assert private_registry.certificate is not None
    file = tmp_path / "auth.json"
    skopeo("login", "--authfile", str(file), "--tls-verify=false", "-u", USER, "-p", PASSWORD,
           private_registry.host)  # fmt: skip
    environment = {
        "REGISTRY_AUTH_FILE": str(file),
        "SSL_CERT_FILE": str(private_registry.certificate),
    }
    source = opened_registry(private_registry.url, environment=environment)
    fetched(source, resolved(source, two_layers))


@pytest.mark.parametrize("insecure", [True, None])
def test_a_password_in_the_url_of_the_source(
    private_registry: Registry, two_layers: str, opened_registry: OpenDocker, insecure: bool | None
) -> None:
    """With a certificate that nobody knows, only where that was allowed."""
    quoted = PASSWORD.replace(":", "%3A")
    url = private_registry.url.replace("//", f"//{USER}:{quoted}@")
    source = opened_registry(url, insecure=insecure)
    if insecure:
        fetched(source, resolved(source, two_layers))
    else:
        with pytest.raises(UnreachableError, match="certificate not trusted") as caught:
            resolved(source, two_layers)
        assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("password", [None, "wrong"])
def test_no_password_and_a_wrong_one(
    private_registry: Registry,
    two_layers: str,
    opened_registry: OpenDocker,
    tmp_path: Path,
    password: str | None,
) -> None:
    content = (
        "{}" if password is None else auths(private_registry.host, auth=encoded(USER, password))
    )
    source = opened_registry(
        private_registry.url, insecure=True, environment=write_auth(tmp_path, content)
    )
    with pytest.raises(UnauthorizedError) as caught:
        resolved(source, two_layers)
    assert caught.value.code == "UnauthorizedError"
    what = (
        f"needs a login, and there are no credentials for {private_registry.host}"
        if password is None
        else f"the credentials for {private_registry.host} are wrong or may not read it"
    )
    assert f"(HTTP status 401): it does not exist, or {what}" in caught.value.message


def test_anybody_may_have_a_token(
    token_registry: Registry,
    token_server: TokenServer,
    two_layers: str,
    opened_registry: OpenDocker,
) -> None:
    source = opened_registry(token_registry.url)
    image = resolved(source, two_layers)
    fetched(source, image)
    name = two_layers.partition(":")[0]
    assert [asked.method for asked in token_server.asked] == ["GET"]
    assert token_server.asked[0].parameters == {
        "service": ["test-registry"],
        "scope": [f"repository:{name}:pull"],
    }
    assert token_server.asked[0].authorization == ""


@pytest.mark.parametrize("answer_name", ["token", "access_token"])
def test_a_user_gets_a_token(
    token_registry: Registry,
    token_server: TokenServer,
    two_layers: str,
    opened_registry: OpenDocker,
    tmp_path: Path,
    answer_name: str,
) -> None:
    token_server.rules.users = {"ann": "pass:word"}
    token_server.rules.answer_name = answer_name
    content = auths(token_registry.host, auth=encoded("ann", "pass:word"))
    source = opened_registry(token_registry.url, environment=write_auth(tmp_path, content))
    fetched(source, resolved(source, two_layers))
    assert token_server.asked[0].parameters["account"] == ["ann"]


@pytest.mark.parametrize("takes_post", [True, False])
def test_an_identity_token(
    token_registry: Registry,
    token_server: TokenServer,
    two_layers: str,
    opened_registry: OpenDocker,
    tmp_path: Path,
    takes_post: bool,
) -> None:
    token_server.rules.users = {}
    token_server.rules.identity_tokens = {"ident1ty"}
    token_server.rules.takes_post = takes_post
    content = auths(token_registry.host, auth=encoded("<token>", ""), identitytoken="ident1ty")
    source = opened_registry(token_registry.url, environment=write_auth(tmp_path, content))
    fetched(source, resolved(source, two_layers))
    methods = [asked.method for asked in token_server.asked]
    assert methods == (["POST"] if takes_post else ["POST", "GET"])
    posted = token_server.asked[0].parameters
    assert posted["grant_type"] == ["refresh_token"]
    assert posted["service"] == ["test-registry"]


def test_a_token_for_the_registry_itself(
    token_registry: Registry,
    token_server: TokenServer,
    two_layers: str,
    opened_registry: OpenDocker,
    tmp_path: Path,
) -> None:
    token = token_server.sign([f"repository:{two_layers.partition(':')[0]}:pull"], "somebody")
    content = auths(token_registry.host, registrytoken=token)
    source = opened_registry(token_registry.url, environment=write_auth(tmp_path, content))
    fetched(source, resolved(source, two_layers))
    assert token_server.asked == []


def test_a_token_that_expires_between_two_layers(
    token_registry: Registry,
    token_server: TokenServer,
    two_layers: str,
    opened_registry: OpenDocker,
) -> None:
    """The registry gives such a token a minute of grace, so it is one from before that minute."""
    token_server.rules.seconds = -120
    token_server.rules.promised = 300
    source = opened_registry(token_registry.url)
    with pytest.raises(UnauthorizedError):
        resolved(source, two_layers)
    token_server.rules.seconds = 300
    image = resolved(source, two_layers)
    fetched(source, image)
    assert len(token_server.asked) == 2


def test_a_token_is_renewed_before_it_expires(
    token_registry: Registry,
    token_server: TokenServer,
    two_layers: str,
    opened_registry: OpenDocker,
    pace: Any,
) -> None:
    token_server.rules.promised = 100
    source = opened_registry(token_registry.url, clock=pace.clock)
    image = resolved(source, two_layers)
    pace.now += 80
    fetched(source, image)
    assert len(token_server.asked) == 1
    pace.now += 15
    fetched(source, image)
    assert len(token_server.asked) == 2


def test_a_wrong_password_for_a_token(
    token_registry: Registry,
    token_server: TokenServer,
    two_layers: str,
    opened_registry: OpenDocker,
    tmp_path: Path,
) -> None:
    token_server.rules.users = {"ann": "other"}
    content = auths(token_registry.host, auth=encoded("ann", "s3cret"))
    source = opened_registry(token_registry.url, environment=write_auth(tmp_path, content))
    with pytest.raises(UnauthorizedError, match="refuses a token for .*check user and") as caught:
        resolved(source, two_layers)
    assert "s3cret" not in caught.value.message


def test_no_password_for_a_token(
    token_registry: Registry,
    token_server: TokenServer,
    two_layers: str,
    opened_registry: OpenDocker,
) -> None:
    token_server.rules.users = {"ann": "other"}
    source = opened_registry(token_registry.url)
    wanted = f"log in, there are no credentials for {token_registry.host}"
    with pytest.raises(UnauthorizedError, match=wanted):
        resolved(source, two_layers)


def test_a_token_for_less_than_is_needed(
    token_registry: Registry,
    token_server: TokenServer,
    two_layers: str,
    opened_registry: OpenDocker,
    tmp_path: Path,
) -> None:
    token = token_server.sign(["repository:other/name:pull"], "somebody")
    content = auths(token_registry.host, registrytoken=token)
    source = opened_registry(token_registry.url, environment=write_auth(tmp_path, content))
    with pytest.raises(UnauthorizedError, match="not allowed to read .*two/"):
        resolved(source, two_layers)


CHALLENGES = [
    ({}, "missing WWW-Authenticate header in 401 response to \"GET /v2/a/b/manifests/v\""),
    ({"WWW-Authenticate": "Negotiate"}, 'unsupported auth scheme: "negotiate"'),
    ({"WWW-Authenticate": 'Bearer realm="http://tokens.example/"'}, "an https address was"),
    ({"WWW-Authenticate": 'Bearer realm="file:///etc/passwd"'}, "an https address was"),
    ({"WWW-Authenticate": "Bearer"}, "an https address was"),
    ({"WWW-Authenticate": 'Bearer realm="https://a.example/\x1b[2J"'}, "an https address was"),
    ({"WWW-Authenticate": 'Bearer realm="https://[::1/"'}, "an https address was"),
]  # fmt: skip


@pytest.mark.parametrize(("headers", "reason"), CHALLENGES)
def test_challenges_that_lead_nowhere(
    web: Any, opened_registry: OpenDocker, headers: dict[str, str], reason: str
) -> None:
    web["*"] = (401, headers, {})
    with pytest.raises(UnauthorizedError) as caught:
        resolved(opened_registry(web.url), "a/b:v")
    assert reason in caught.value.message
    assert caught.value.message.isprintable()


TOKEN_ANSWERS = [
    ({}, "authorization server did not include a token"),
    ({"token": 5}, "authorization server did not include a token"),
    ({"token": "a\nb"}, "authorization server did not include a token"),
    (b"my token is s3cret", "authorization server did not include a token"),
    ((404, {}, {"token": "s3cret"}), "request failed with status 404"),
    ((302, {"Location": "http://other.example/"}, {}), "a redirect to another server"),
    ({"token": "x" * (2 << 20)}, "token auth attempt for .*longer than"),
]


@pytest.mark.parametrize(("answer", "reason"), TOKEN_ANSWERS)
def test_token_servers_that_make_no_sense(
    web: Any, other_web: Any, opened_registry: OpenDocker, answer: Any, reason: str
) -> None:
    web["*"] = (401, {"WWW-Authenticate": f'Bearer realm="{other_web.url}/t",service="s"'}, {})
    other_web["*"] = answer
    with pytest.raises(RegistryError, match=reason) as caught:
        resolved(opened_registry(web.url), "a/b")
    assert "s3cret" not in caught.value.message


def test_plain_http_only_to_this_machine_or_where_it_was_allowed(
    opened_registry: OpenDocker, unused_port: int
) -> None:
    with pytest.raises(ConfigError, match="plain http only if it is on this machine"):
        opened_registry("http://registry.example")
    opened_registry("http://registry.example", insecure=True)
    opened_registry("http://registry.example", environment={"IMGADM_INSECURE": "1"})
    source = opened_registry(f"http://127.0.0.1:{unused_port}", insecure=True)
    with pytest.raises(ConfigError, match="plain http only if it is on this machine"):
        resolved(source, "http://registry.example/a/b")


def test_a_token_that_is_not_good_any_more_in_the_middle_of_a_layer(
    web: Any, other_web: Any, opened_registry: OpenDocker
) -> None:
    """A connection breaks when the token has just expired: a new one, and on from where it was."""
    content = bytes(range(256)) * 4096
    digest = digest_of(content)
    good: list[str] = []
    asked: list[tuple[str, str]] = []

    def give_token(handler: Any) -> None:
        good[:] = [f"t{len(other_web.requests)}"]
        handler.give({"token": good[0], "expires_in": 300})

    def give_blob(handler: Any) -> None:
        token = handler.headers.get("Authorization", "").removeprefix("Bearer ")
        begin = handler.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-")
        asked.append((token, begin))
        if token not in good:
            challenge = f'Bearer realm="{other_web.url}/token",service="s"'
            handler.give((401, {"WWW-Authenticate": challenge}, {}))
        elif begin == "0":
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(content)))
            handler.end_headers()
            handler.wfile.write(content[:500_000])
            handler.close_connection = True
            good.clear()
        else:
            span = f"bytes {begin}-{len(content) - 1}/{len(content)}"
            handler.give((206, {"Content-Range": span}, content[int(begin) :]))

    other_web["*"] = give_token
    web[f"/v2/a/b/blobs/{digest}"] = give_blob
    source = opened_registry(web.url)
    layer = RemoteLayer(digest, len(content), "none", None)
    reference = parse_reference("a/b", default_registry=web.url)
    image = RemoteImage(reference, digest, {}, None, (layer,), Platform.default())
    fetched(source, image)
    begin = asked[-1][1]
    assert 0 < int(begin) <= 500_000
    assert asked == [("", "0"), ("t1", "0"), ("t1", begin), ("t2", begin)]


def test_many_layers_at_once_need_one_token(
    token_registry: Registry,
    token_server: TokenServer,
    two_layers: str,
    opened_registry: OpenDocker,
) -> None:
    source = opened_registry(token_registry.url)
    image = resolved(source, two_layers)
    token_server.asked.clear()
    other = opened_registry(token_registry.url)
    with ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(fetched, other, image) for _ in range(8)]:
            done.result()
    assert len(token_server.asked) == 1


def test_a_token_that_nobody_gives_any_more_ends_a_fetch(
    web: Any, other_web: Any, opened_registry: OpenDocker
) -> None:
    """With the error that says so, though it came up inside of a stage."""
    digest = digest_of(b"x")
    challenge = {"WWW-Authenticate": f'Bearer realm="{other_web.url}/t",service="s"'}
    web[f"/v2/a/b/blobs/{digest}"] = (401, challenge, {})
    other_web["*"] = (403, {}, {})
    layer = RemoteLayer(digest, 1, "none", None)
    reference = parse_reference("a/b", default_registry=web.url)
    image = RemoteImage(reference, digest, {}, None, (layer,), Platform.default())
    with pytest.raises(UnauthorizedError, match="refuses a token for repository:a/b:pull"):
        fetched(opened_registry(web.url), image)


def test_a_helper_that_fails_ends_a_search(
    token_registry: Registry, two_layers: str, opened_registry: OpenDocker, tmp_path: Path
) -> None:
    environment = write_auth(tmp_path, '{"credsStore": "not-here-at-all"}')
    with pytest.raises(ConfigError, match='helper "docker-credential-not-here-at-all"'):
        resolved(opened_registry(token_registry.url, environment=environment), two_layers)


def test_a_helper_that_fails_is_not_asked_where_nobody_asks_us(
    registry: Registry, two_layers: str, opened_registry: OpenDocker, tmp_path: Path
) -> None:
    environment = write_auth(tmp_path, '{"credsStore": "not-here-at-all"}')
    assert resolved(opened_registry(registry.url, environment=environment), two_layers).layers


PROOF = Credentials("u", "p")
GRANTED = {"token": "abc"}


def token_of(web: Any, credentials: Credentials = PROOF) -> str:
    options = ClientOptions(environment={}, retry_delays=())
    return Tokens(web.url, options, insecure=True).get(Grant(f"{web.url}/t", "s", ()), credentials)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_token_server_may_redirect_to_itself(web: Any, status: int) -> None:
    web["/t?service=s&account=u"] = (status, {"Location": "/elsewhere"}, b"")
    web["/elsewhere"] = GRANTED
    assert token_of(web) == "abc"
    assert [headers["authorization"] for _, headers in web.requests] == ["Basic dTpw"] * 2


def test_an_identity_token_is_sent_again_where_the_server_says_so(web: Any) -> None:
    web["/t"] = (307, {"Location": f"{web.url}/elsewhere"}, b"")
    web["/elsewhere"] = GRANTED
    assert token_of(web, Credentials(identity_token="secret")) == "abc"
    assert [b"refresh_token=secret" in body for _, body in web.bodies] == [True, True]


@pytest.mark.parametrize("credentials", [PROOF, Credentials(identity_token="secret")])
def test_a_token_server_that_redirects_to_another(
    web: Any, other_web: Any, credentials: Credentials
) -> None:
    web["*"] = (307, {"Location": f"{other_web.url}/t"}, b"")
    other_web["*"] = GRANTED
    with pytest.raises(RegistryError, match="redirect to another server"):
        token_of(web, credentials)
    assert other_web.requests == []
