"""Fixtures over :mod:`tests.stands.registry`; a ``conftest.py`` imports those that its tests need.

Where the programs are missing the tests are skipped, or with ``IMGADM_REQUIRE_REGISTRY=1`` fail.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stands.registry.layouts import Layout
from tests.stands.registry.server import Registry, missing_programs
from tests.stands.registry.token_server import TokenServer

USER, PASSWORD = "reguser", "s3cret:with-a-colon"


def need(*programs: str) -> None:
    """Skip the test unless this machine has ``programs``."""
    missing = missing_programs(*programs)
    if not missing:
        return
    reason = f"this machine has no {', '.join(missing)}: apt-get install {' '.join(missing)}"
    if os.environ.get("IMGADM_REQUIRE_REGISTRY") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry that anybody may use, over plain HTTP."""
    need("docker-registry", "skopeo")
    with Registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(scope="session")
def registry_certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``ca.crt``, a self-signed certificate for 127.0.0.1 and localhost; ``tls.key`` beside it."""
    need("openssl")
    folder = tmp_path_factory.mktemp("registry-tls")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command += ["-keyout", str(folder / "tls.key"), "-out", str(folder / "ca.crt")]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "ca.crt"


@pytest.fixture(scope="session")
def private_registry(
    registry: Registry, registry_certificate: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Registry]:
    """A registry over TLS that wants USER and PASSWORD; it has what ``registry`` has."""
    need("htpasswd")
    directory = tmp_path_factory.mktemp("private-registry")
    hashed = subprocess.run(
        ["htpasswd", "-Bbn", USER, PASSWORD], check=True, capture_output=True, text=True
    )
    (directory / "htpasswd").write_text(hashed.stdout)
    with Registry(
        directory,
        certificate=registry_certificate,
        key=registry_certificate.with_name("tls.key"),
        data=registry.data,
        auth={"htpasswd": {"realm": "test-realm", "path": str(directory / "htpasswd")}},
    ) as running:
        yield running


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "layout")


@pytest.fixture
def token_server(registry_certificate: Path) -> Iterator[TokenServer]:
    server = TokenServer(registry_certificate)
    yield server
    server.close()


@pytest.fixture
def token_registry(
    registry: Registry, token_server: TokenServer, tmp_path: Path
) -> Iterator[Registry]:
    """A registry that wants tokens of ``token_server``; it has what ``registry`` has."""
    with Registry(
        tmp_path / "token-registry", data=registry.data, auth=token_server.registry_settings
    ) as running:
        yield running
