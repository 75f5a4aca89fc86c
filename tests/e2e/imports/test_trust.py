"""What nobody checked is said, and believed of the named server alone."""

from __future__ import annotations

import json
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .conftest import Serve
from .host import Host
from .images import Image, small_image
from .server import Behaviour, Server, redirect

GOOD = small_image()
FILE = f"/images/{GOOD.uuid}/file"
TOKEN = "0123456789abcdef-token"

ServeTls = Callable[..., str]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that nobody trusts, with its key."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        + ["-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-keyout", path, "-out", path],
        check=True,
        capture_output=True,
    )
    return path


@pytest.fixture
def serve_tls(certificate: Path) -> Iterator[ServeTls]:
    with ExitStack() as running:

        def start(*images: Image, special: dict[str, Behaviour] | None = None) -> str:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server = Server(images, dict(special or {}))
            server.socket = context.wrap_socket(server.socket, server_side=True)
            return running.enter_context(server).url.replace("http:", "https:")

        yield start


def warning(command: str, url: str) -> str:
    return (
        f"imgadm {command}: warning: the certificate of {url.partition('//')[2]} was not checked: "
        "anybody on the network path could have answered in its place\n"
    )


def test_an_insecure_source_says_so_at_the_end(host: Host, serve_tls: ServeTls) -> None:
    url = serve_tls(GOOD)
    added = host.run("sources", "-k", "-a", url)
    assert added.stdout == f'Added "imgapi" image source "{url}" (insecure)\n'
    assert added.stderr == warning("sources", url)
    host.run("sources", "-d", "https://images.smartos.org")
    done = host.run("import", GOOD.uuid)
    assert (done.status, done.stderr) == (0, warning("import", url))
    missing = host.run("-E", "show", "00000000-0000-4000-8000-000000000000")
    *told, error = missing.stderr.splitlines(keepends=True)
    assert told == [warning("show", url)]
    assert json.loads(error)["err"]["code"] == "ImageNotFound"


@pytest.mark.parametrize("at_home", [True, False])
def test_where_it_redirects_to_is_checked(
    host: Host, serve_tls: ServeTls, certificate: Path, at_home: bool
) -> None:
    """Another server needs a certificate of its own; another place at the same server does not."""
    moved = "/moved" if at_home else serve_tls(GOOD) + FILE
    data: Behaviour = lambda request: request.answer(200, GOOD.data)  # noqa: E731
    url = serve_tls(GOOD, special={FILE: redirect(moved), "/moved": data})
    host.root.mkdir()
    source = {"url": url, "insecure": True}
    (host.root / "imgadm.conf").write_text(json.dumps({"sources": [source]}))
    done = host.run("import", GOOD.uuid)
    assert done.stderr.count(" was not checked: ") == 1
    assert done.status == (0 if at_home else 1)
    assert ("self-signed certificate" in done.stderr) is not at_home
    host.assert_tidy(*([GOOD.uuid] if at_home else []))
    if not at_home:
        # For those who trust nobody in particular, there is a setting of that name.
        host.environment["IMGADM_INSECURE"] = "1"
        done = host.run("import", GOOD.uuid)
        assert (done.status, done.stderr.count(" was not checked: ")) == (0, 2)


def test_a_publication_says_so(host: Host, serve_tls: ServeTls) -> None:
    url = serve_tls()
    (host.temporary / "m").write_text(json.dumps(GOOD.manifest))
    (host.temporary / "f").write_bytes(GOOD.data)
    done = host.run("publish", "-k", "-m", "m", "-f", "f", url)
    assert done.status == 1
    assert warning("publish", url) in done.stderr


def test_what_goes_in_the_clear_is_said_before(host: Host, serve: Serve) -> None:
    """A proxy on this machine stands for the network."""
    server = serve()
    host.environment["http_proxy"] = server.url
    token = host.temporary / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    (host.temporary / "m").write_text(json.dumps(GOOD.manifest))
    (host.temporary / "f").write_bytes(GOOD.data)
    told = "a password or token goes to images.example over plain http"
    for words in (
        ("publish", "--token-file", "token", "-m", "m", "-f", "f", "http://images.example"),
        ("import", "-S", "http://ann:secret@images.example", GOOD.uuid),
        ("import", "-S", "http://images.example?token=secret", GOOD.uuid),
    ):
        done = host.run(*words)
        assert done.status == 1
        assert done.stderr.count(told) == 1, done
    assert told not in host.run("import", "-S", "http://images.example", GOOD.uuid).stderr
    # Without a scheme it is https, which no plain http server understands.
    before = len(server.requests)
    done = host.run("import", "-S", "images.example", GOOD.uuid)
    assert done.status == 1
    assert len(server.requests) == before or "images.example:443" in server.requests[-1]
