"""Both ways that bytes can take, and a look at what is left behind after every test."""

from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgadm._native import KERNEL_MOVES
from tests.unit.streams.http.servers import Server

from .stages import children, open_descriptors


@pytest.fixture(params=["descriptors", "buffers"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Makes the test run once with bytes that stay in the kernel, and once without."""
    if request.param == "descriptors" and not KERNEL_MOVES:
        pytest.skip("this kernel moves no bytes between descriptors")
    monkeypatch.setenv("IMGADM_SPLICE", "1" if request.param == "descriptors" else "0")
    return str(request.param)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """No thread, child process or descriptor is left by any pipeline."""
    before = open_descriptors()
    yield
    ours = [it for it in threading.enumerate() if it.name.startswith("imgadm-")]
    for thread in ours:
        thread.join(5)  # one that has said its last word may still be on its way out
    assert [thread.name for thread in ours if thread.is_alive()] == []
    assert children() == []
    assert sorted(open_descriptors() - before) == []


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of our own for localhost, with its key."""
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", path.with_suffix(".key"), "-out", path),
        ],
        check=True,
        capture_output=True,
    )
    return path


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    with Server(context) as server:
        yield server
