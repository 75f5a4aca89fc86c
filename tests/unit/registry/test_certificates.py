"""Authorities and certificates for one registry, in the folders that its other clients read."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from imgadm.base.errors import ConfigError
from imgadm.sources import UnreachableError
from tests.stands.registry.fixtures import PASSWORD, USER
from tests.stands.registry.server import Registry
from tests.unit.registry.conftest import OpenDocker, resolved


def folder(home: Path, host: str) -> Path:
    directory = home / ".config" / "containers" / "certs.d" / host
    directory.mkdir(parents=True)
    return directory


def with_credentials(registry: Registry) -> str:
    return registry.url.replace("//", f"//{USER}:{PASSWORD.replace(':', '%3A')}@")


def test_an_authority_of_ones_own(
    private_registry: Registry, two_layers: str, opened_registry: OpenDocker, tmp_path: Path
) -> None:
    assert private_registry.certificate is not None
    environment = {"HOME": str(tmp_path)}
    with pytest.raises(UnreachableError, match="certificate not trusted"):
        resolved(
            opened_registry(with_credentials(private_registry), environment=environment), two_layers
        )
    shutil.copy(private_registry.certificate, folder(tmp_path, private_registry.host))
    source = opened_registry(with_credentials(private_registry), environment=environment)
    source.ping()
    assert len(resolved(source, two_layers).layers) == 2


def test_plain_http_with_a_registry_that_speaks_tls(
    private_registry: Registry, two_layers: str, opened_registry: OpenDocker
) -> None:
    """As for a name on this machine that does not say otherwise."""
    source = opened_registry(private_registry.host)
    with pytest.raises(UnreachableError, match=f"say https://{private_registry.host}/two/layers"):
        resolved(source, two_layers)


def test_an_authority_is_for_its_registry_alone(
    private_registry: Registry, two_layers: str, opened_registry: OpenDocker, tmp_path: Path
) -> None:
    assert private_registry.certificate is not None
    shutil.copy(private_registry.certificate, folder(tmp_path, "127.0.0.1:1"))
    source = opened_registry(
        with_credentials(private_registry), environment={"HOME": str(tmp_path)}
    )
    with pytest.raises(UnreachableError, match="certificate not trusted"):
        resolved(source, two_layers)


@pytest.fixture
def wary_web(secure_web: Any, certificate: Path) -> Any:
    """A server that wants to see a certificate, its own being good enough."""
    context: ssl.SSLContext = secure_web.socket.context
    context.load_verify_locations(certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # which refuses before the first request
    secure_web["/v2/"] = {}
    return secure_web


def test_a_certificate_of_ours(
    wary_web: Any, certificate: Path, opened_registry: OpenDocker, tmp_path: Path
) -> None:
    from imgadm.sources.errors import SourcePingError

    directory = folder(tmp_path, urlsplit(wary_web.url).netloc)
    shutil.copy(certificate, directory / "ca.crt")
    environment = {"HOME": str(tmp_path)}
    with pytest.raises(SourcePingError):
        opened_registry(wary_web.url, environment=environment, retry_delays=()).ping()
    shutil.copy(certificate, directory / "client.cert")
    with pytest.raises(ConfigError, match="has no key, NAME.key, beside it"):
        opened_registry(wary_web.url, environment=environment).ping()
    shutil.copy(certificate.with_name("key.pem"), directory / "client.key")
    opened_registry(wary_web.url, environment=environment).ping()


def test_what_is_no_certificate(opened_registry: OpenDocker, tmp_path: Path) -> None:
    (folder(tmp_path, "127.0.0.1:1") / "ca.crt").write_text("nonsense")
    source = opened_registry("https://127.0.0.1:1", environment={"HOME": str(tmp_path)})
    with pytest.raises(ConfigError, match='ca.crt" cannot be used: '):
        resolved(source, "a/b")


def test_the_usual_authorities_stay(
    private_registry: Registry, two_layers: str, opened_registry: OpenDocker, tmp_path: Path
) -> None:
    """The folder adds one that has nothing to do with it."""
    assert private_registry.certificate is not None
    directory = folder(tmp_path, private_registry.host)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=other"]
        + ["-keyout", "/dev/null", "-out", str(directory / "other.crt")],
        check=True,
        capture_output=True,
    )
    environment = {
        "HOME": str(tmp_path),
        "SSL_CERT_FILE": str(private_registry.certificate),
    }
    source = opened_registry(with_credentials(private_registry), environment=environment)
    assert len(resolved(source, two_layers).layers) == 2


def certificate_that(directory: Path, *, days: int, address: str) -> tuple[Path, Path]:
    """A self-signed certificate for ``address`` that is good for so many days, and its key."""
    key, wish, made = (directory / name for name in ("key.pem", "wish.pem", "made.crt"))
    extensions = directory / "extensions"
    extensions.write_text(f"subjectAltName=IP:{address}\n")
    subprocess.run(
        ["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test"]
        + ["-keyout", str(key), "-out", str(wish)],
        check=True,
        capture_output=True,
    )
    subprocess.run(
        ["openssl", "x509", "-req", "-in", str(wish), "-signkey", str(key), "-days", str(days)]
        + ["-extfile", str(extensions), "-out", str(made)],
        check=True,
        capture_output=True,
    )
    return made, key


@pytest.mark.parametrize(
    ("days", "address", "code", "reason"),
    [
        (-1, "127.0.0.1", "CERT_HAS_EXPIRED", "certificate has expired"),
        (2, "127.0.0.9", "ERR_TLS_CERT_ALTNAME_INVALID", "IP address mismatch"),
    ],
)
def test_certificates_that_are_trusted_and_no_good(
    registry: Registry,
    opened_registry: OpenDocker,
    tmp_path: Path,
    days: int,
    address: str,
    code: str,
    reason: str,
) -> None:
    made, key = certificate_that(tmp_path, days=days, address=address)
    with Registry(tmp_path / "r", data=registry.data, certificate=made, key=key) as running:
        shutil.copy(made, folder(tmp_path, running.host))
        source = opened_registry(running.url, environment={"HOME": str(tmp_path)})
        with pytest.raises(UnreachableError, match=reason) as caught:
            resolved(source, "a/b:v1")
    assert caught.value.code == code
