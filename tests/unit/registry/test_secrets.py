"""Nothing that lets us in is in the log, however much of it is wanted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.python_path import PYTHON_PATH
from tests.stands.registry.fixtures import PASSWORD, USER
from tests.stands.registry.server import Registry
from tests.stands.registry.token_server import TokenServer
from tests.unit.registry.conftest import write_auth
from tests.unit.streams.http.servers import Answer, Connection, Request, Server

RUN = """
import sys
from imgadm import streams
from imgadm.base import logs
from imgadm.base.logs import Log
from imgadm.sources import ClientOptions
from imgadm.state.source_config import SourceConfig
from imgadm.sources.docker_source import DockerSource
from imgadm.registry import Platform, parse_reference

logs.use(Log(level=10, request_id="run", source_locations=True))
_, url, insecure, name = sys.argv
with DockerSource(SourceConfig(url, "docker", insecure == "yes"), ClientOptions()) as source:
    image = source.resolve(parse_reference(name, default_registry=url), Platform.default())
    for layer in image.layers:
        streams.run(source.fetch_layer(image, layer), streams.into_process(["wc", "-c"]))
"""


def logged(url: str, name: str, environment: dict[str, str], *, insecure: bool = False) -> str:
    """Everything that a run, with the log at trace, prints."""
    result = subprocess.run(
        [sys.executable, "-P", "-c", RUN, url, "yes" if insecure else "no", name],
        env={"PYTHONPATH": PYTHON_PATH, "PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert '"client_req"' in result.stderr
    return result.stdout + result.stderr


def tokens_in(text: str) -> list[str]:
    """What looks like a JSON web token: its header in base64 begins so."""
    return [word for word in text.split('"') if "eyJ" in word]


@pytest.mark.parametrize("way", ["file", "helper", "url"])
def test_passwords(private_registry: Registry, two_layers: str, tmp_path: Path, way: str) -> None:
    url, environment = private_registry.url, {"HOME": str(tmp_path)}
    encoded = subprocess.run(
        ["base64", "-w0"], input=f"{USER}:{PASSWORD}", capture_output=True, text=True, check=True
    ).stdout
    match way:
        case "file":
            auths = f'{{"auths": {{"{private_registry.host}": {{"auth": "{encoded}"}}}}}}'
            environment |= write_auth(tmp_path, auths)
        case "helper":
            environment |= write_auth(tmp_path, '{"credsStore": "test"}')
            environment["PATH"] = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
            program = tmp_path / "docker-credential-test"
            answer = f'{{"Username": "{USER}", "Secret": "{PASSWORD}"}}'
            program.write_text(f"#!/bin/sh\necho '{answer}'\necho '{PASSWORD}' >&2\n")
            program.chmod(0o755)
        case "url":
            url = url.replace("//", f"//{USER}:{PASSWORD.replace(':', '%3A')}@")
    log = logged(url, two_layers, environment, insecure=True)
    assert PASSWORD not in log
    assert PASSWORD.replace(":", "%3A") not in log
    assert encoded not in log
    assert "two/layers/blobs" in log


@pytest.mark.parametrize("identity", [True, False])
def test_tokens(
    token_registry: Registry,
    token_server: TokenServer,
    two_layers: str,
    tmp_path: Path,
    identity: bool,
) -> None:
    token_server.rules.users = {"ann": "s3cret"}
    token_server.rules.identity_tokens = {"ident1ty"}
    entry = '"identitytoken": "ident1ty"' if identity else '"username": "ann", "password": "s3cret"'
    auths = f'{{"auths": {{"{token_registry.host}": {{{entry}}}}}}}'
    log = logged(token_registry.url, two_layers, write_auth(tmp_path, auths))
    assert token_server.asked
    assert tokens_in(log) == []
    assert "s3cret" not in log
    assert "ident1ty" not in log


def test_signed_addresses(registry: Registry, two_layers: str, tmp_path: Path) -> None:
    """The registry sends us to a store, which sends us to an address that it has signed."""
    with Server() as cdn:

        def store(connection: Connection, request: Request) -> None:
            path, signed, _ = request.path.partition("?")
            if not signed:
                headers = {"Location": f"{path}?X-Signature=s3cret&expires=5"}
                Answer(b"", "302 Found", headers)(connection, request)
            else:
                data = (registry.data / path.lstrip("/")).read_bytes()
                Answer(data)(connection, request)

        cdn.plan(store)
        options = {"baseurl": cdn.url.removesuffix("file")}
        middleware = {"storage": [{"name": "redirect", "options": options}]}
        with Registry(tmp_path / "r", data=registry.data, middleware=middleware) as away:
            log = logged(away.url, two_layers, {"HOME": str(tmp_path)})
    assert any("s3cret" in request.path for request in cdn.requests)
    assert "s3cret" not in log
    assert log.count("X-Signature=***") >= 4
