"""The nginx.conf of docs/how-to/publish.md, with ``imgadm serve --writable`` behind it."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .host import Host, wait_until
from .test_publish import GOOD, PATH, TOKEN, Site, lines_of, publish

TREE = Path(__file__).parents[3]
PIECE = bytes(512 << 10)
#: 5 GiB where there is time and space for that, else what had too many chunks once.
PIECES = 10_240 if os.environ.get("IMGADM_LARGE_UPLOADS") else 200

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


def documented(server: str, port: int, directory: Path) -> str:
    """The nginx.conf of the documentation, with the places of this test."""
    [text] = re.findall(
        r"^```nginx\n(.*?)^```$", (TREE / "docs/how-to/publish.md").read_text(), re.M | re.S
    )
    places = {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/nginx/": f"{directory}/",
        "http://127.0.0.1:8080": server,
        "http {": "http {\n    access_log off;\n"
        + "".join(
            f"    {kind}_temp_path {directory}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        ),
    }
    for written, here in places.items():
        assert written in text
        text = text.replace(written, here)
    return text


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-out", str(tmp_path / "images.pem"), "-keyout", str(tmp_path / "images.key")]
    subprocess.run([*command, *files], check=True, capture_output=True)
    return tmp_path / "images.pem"


@pytest.fixture
def site(host: Host, tmp_path: Path) -> Iterator[Site]:
    folder = tmp_path / "site"
    folder.mkdir()
    (tmp_path / "token").write_text(TOKEN)
    words = ("serve", "-w", "-q", "-l", "127.0.0.1:0", "--token-file", str(tmp_path / "token"))
    running = host.start(*words, str(folder), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert running.process.stdout is not None
    line = running.process.stdout.readline()
    yield Site(line.split(" at ")[1].split(",")[0], folder, running)
    running.signal(signal.SIGTERM)
    running.finish()


@pytest.fixture
def url(site: Site, certificate: Path, tmp_path: Path) -> Iterator[str]:
    """Where nginx answers."""
    port = free_port()
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(documented(site.url, port, tmp_path))
    options = f"daemon off; pid {tmp_path}/pid; error_log {tmp_path}/errors;"
    if os.getuid() == 0:
        options += " user root;"
    command = [str(NGINX), "-e", str(tmp_path / "errors"), "-c", str(configuration), "-g", options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:

        def answers() -> bool:
            assert process.poll() is None, process.stderr and process.stderr.read()
            with socket.socket() as one:
                return one.connect_ex(("127.0.0.1", port)) == 0

        wait_until(answers)
        yield f"https://127.0.0.1:{port}"
        process.terminate()


@pytest.fixture
def ask(url: str, certificate: Path) -> Callable[..., tuple[int, Any]]:
    trust = ssl.create_default_context(cafile=certificate)
    address = url.removeprefix("https://")

    def exchange(method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        connection = http.client.HTTPSConnection(address, timeout=120, context=trust)
        sent = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json", **headers}
        connection.request(method, path, body, sent, encode_chunked=True)
        reply = connection.getresponse()
        text = reply.read()
        connection.close()
        return reply.status, json.loads(text) if text else None

    return exchange


def test_image_is_published_and_imported(
    host: Host, site: Site, url: str, certificate: Path, tmp_path: Path
) -> None:
    host.environment["REQUESTS_CA_BUNDLE"] = str(certificate)
    (tmp_path / "files").mkdir()
    options = ("--token-file", str(tmp_path / "token"))
    done = publish(host, tmp_path / "files", url, GOOD, *options)
    assert (done.status, done.lines) == (0, lines_of(GOOD, url))
    done = host.run("import", "-S", url, GOOD.uuid)
    assert (done.status, done.stderr) == (0, "")
    assert host.disk(GOOD.uuid).exists()
    refused = publish(host, tmp_path / "files", url, GOOD)
    assert (refused.status, refused.error()[0]) == (1, "UnauthorizedError")


def test_upload_of_unknown_length_passes_in_chunks(site: Site, ask: Callable[..., Any]) -> None:
    assert ask("POST", f"{PATH}?action=import", json.dumps(GOOD.manifest))[0] == 200
    sha1 = hashlib.sha1()

    def pieces() -> Iterator[bytes]:
        for number in range(PIECES):
            piece = number.to_bytes(8, "big") + PIECE[8:]
            sha1.update(piece)
            yield piece

    status, image = ask(
        "PUT", f"{PATH}/file?compression=none", pieces(), **{"Transfer-Encoding": "chunked"}
    )
    assert status == 200
    entry = {"sha1": sha1.hexdigest(), "size": PIECES * len(PIECE), "compression": "none"}
    assert image["files"] == [entry]
    assert ask("DELETE", PATH)[0] == 204
    assert site.names() == set()
