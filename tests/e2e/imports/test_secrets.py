"""Secrets in URLs reach the server they are for, and nothing that anybody could read."""

from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from .conftest import Serve
from .host import Finished, Host
from .images import small_image
from .server import Request, Server, as_json, redirect

GOOD = small_image()
SECRET = "s3cr3t"
PASSWORD = "s3cr3t@/?#:x"
LATER = "k3y0fst0re"


class Guarded(Server):
    """An image server that lets in who shows the secret, in whatever way."""

    def answer(self, request: Request) -> None:
        path, _, query = request.path.partition("?")
        shown = request.headers.get("Authorization", "").removeprefix("Basic ")
        if SECRET not in query and SECRET not in base64.b64decode(shown + "==").decode():
            request.answer(401, b"{}")
            return
        request.path = path
        if path == "/images":
            as_json([GOOD.manifest])(request)
            return
        super().answer(request)


@pytest.fixture
def guarded() -> Iterator[Guarded]:
    with Guarded([GOOD]) as server:
        yield server


URLS = {
    "user and password": f"http://ann:{SECRET}@HOST",
    "all that can stand in a password": f"http://ann:{quote(PASSWORD, safe='')}@HOST/",
    "a token for a user": f"http://{SECRET}@HOST",
    "without a scheme": f"ann:{SECRET}@HOST",
    "a parameter among others": f"http://HOST/?channel=dev&X-Amz-Signature={SECRET}&a=b",
}


def seen(host: Host, *runs: Finished) -> str:
    """All that the runs printed, and all that they wrote down but the configuration."""
    texts = [run.stdout + run.stderr for run in runs]
    for directory in (host.root, host.pool, host.temporary):
        for path in directory.rglob("*"):
            texts.append(str(path))
            if path.is_file() and path.name != "imgadm.conf":
                texts.append(path.read_bytes().decode("latin-1"))
    return "\n".join(texts)


@pytest.mark.parametrize("url", URLS.values(), ids=URLS)
def test_what_works_with_a_secret(host: Host, guarded: Guarded, url: str) -> None:
    url = url.replace("HOST", guarded.url.removeprefix("http://"))
    host.environment["VISUAL"] = "cat"
    (host.root).mkdir()
    (host.root / "imgadm.conf").write_text('{"sources": []}')
    added = host.run("-v", "sources", "-a", url)
    assert added.stdout.startswith("Added "), added
    assert json.loads((host.root / "imgadm.conf").read_text())["sources"][0]["url"] == url
    assert stat.S_IMODE((host.root / "imgadm.conf").stat().st_mode) & 0o077 == 0
    listed = host.run("sources")
    runs = [
        added,
        listed,
        host.run("sources", "-e"),
        host.run("sources", "-c"),
        host.run("avail", "-j"),
        host.run("-v", "import", GOOD.uuid),
        host.run("list", "-j"),
        host.run("get", GOOD.uuid),
    ]
    assert {run.status for run in runs} == {0}, runs
    assert "true" in runs[3].stdout, "the source answers"
    assert json.loads(runs[-1].stdout)["source"] == listed.stdout.strip()
    assert SECRET not in seen(host, *runs)
    # As it is shown, it names the source.
    again = host.run("sources", "-a", listed.stdout.strip())
    assert again.stdout.startswith("Already have "), again
    deleted = host.run("sources", "-d", listed.stdout.strip())
    assert deleted.stdout.startswith("Deleted "), deleted
    assert SECRET not in seen(host, again, deleted)


BROKEN = {
    "a number sign": f"http://ann:a#{SECRET}@127.0.0.1:1/",
    "a slash": f"http://ann:a/{SECRET}@127.0.0.1:1/",
    "digits and a slash": f"http://ann:12/{SECRET}@127.0.0.1:1/",
    "a question mark": f"http://ann:a?{SECRET}@127.0.0.1:1/",
    "a token with a slash": f"http://{SECRET}/x@127.0.0.1:1/",
    "one slash": f"http:/ann:{SECRET}@127.0.0.1:1/",
    "no host": f"https://ann:{SECRET}@/",
    "no port": f"https://ann:{SECRET}@h:x/",
    "a letter like a slash": f"https://ann:{SECRET}@h\u2100/",
    "nobody there": f"http://ann:{SECRET}@127.0.0.1:1/?key={SECRET}#{SECRET}",
}


@pytest.mark.parametrize("url", BROKEN.values(), ids=BROKEN)
def test_what_fails_with_a_secret(host: Host, url: str) -> None:
    (host.temporary / "m").write_text(json.dumps(GOOD.manifest))
    (host.temporary / "f").write_bytes(GOOD.data)
    runs = [
        host.run("-E", "sources", "-a", url),
        host.run("sources", "-d", url),
        host.run("import", "--json", "-S", url, GOOD.uuid),
        host.run("-E", "publish", "-m", "m", "-f", "f", url),
        host.run("-v", "sources", "-t", "docker", "-a", url),
    ]
    assert [run.status for run in runs] == [1, 0, 1, 1, 1]
    assert SECRET not in seen(host, *runs)
    assert not any("this is a bug" in run.stderr for run in runs)


def test_a_broken_url_in_the_configuration(host: Host) -> None:
    host.root.mkdir()
    entries = [{"url": url} for url in BROKEN.values()] + [BROKEN["a slash"], [BROKEN["a slash"]]]
    written = {"upgradedToVer": "3.0.0", "sources": entries}
    (host.root / "imgadm.conf").write_text(json.dumps(written))
    (host.root / "imgadm.conf").chmod(0o644)
    done = host.run("sources", "-v")
    assert "ignoring a source" in done.stderr
    assert "others can read it: run chmod 600" in done.stderr
    assert SECRET not in seen(host, done)


def test_a_proxy_and_its_password(host: Host, serve: Serve) -> None:
    server = serve(GOOD)
    for variable in ("http_proxy", "ALL_PROXY"):
        for proxy in (f"ann:{SECRET}@127.0.0.1:1", f"http://ann:x@{SECRET}@127.0.0.1:1"):
            host.environment[variable] = proxy
            runs = [
                host.run("-v", "import", "-S", server.url, GOOD.uuid),
                host.run("-E", "avail"),
            ]
            assert {run.status for run in runs} == {1}
            assert SECRET not in seen(host, *runs)
        del host.environment[variable]


def test_where_a_redirect_leads_with_a_signature(host: Host, serve: Serve) -> None:
    """The address in front is configured; what the store signed is in no error and no log."""
    store = serve()
    signed = f"{store.url}/gone?X-Amz-Signature={LATER}&Expires=5#{LATER}"
    front = serve(GOOD, special={f"/images/{GOOD.uuid}/file": redirect(signed)})
    runs = [
        host.run("-v", "import", "-S", front.url, GOOD.uuid),
        host.run("-E", "import", "-S", front.url, GOOD.uuid),
    ]
    assert {run.status for run in runs} == {1}
    assert any(LATER in request for request in store.requests)
    assert LATER not in seen(host, *runs)


def test_a_lock_and_its_waiters(host: Host, serve: Serve) -> None:
    """Who holds a lock is for everybody to read."""
    from imgadm.base.locks.locks import image_lock

    url = serve(GOOD).url.replace("//", f"//ann:{SECRET}@")
    first = host.start("import", "-S", url, GOOD.uuid)
    assert first.finish().status == 0
    words = f"imgadm import -S ann:{SECRET}@h --source=http://{SECRET}@h x"
    with image_lock(host.root / "locks", GOOD.uuid, command=words):
        waiter = host.run("delete", "--no-wait", GOOD.uuid)
        assert waiter.status == 1
        assert f"(pid {os.getpid()}, " in waiter.stderr
        assert SECRET not in seen(host, waiter)


def test_records_that_have_a_password_already(host: Host, serve: Serve) -> None:
    """Nobody shows it, and who writes the record next leaves it out."""
    server = serve(GOOD)
    host.run("import", "-S", server.url, GOOD.uuid)
    record = host.pool / GOOD.uuid / "image.json"
    document = json.loads(record.read_text())
    document["source"] = server.url.replace("//", f"//ann:{SECRET}@")
    document["manifest"]["name"] = "old"
    record.write_text(json.dumps(document))
    runs = [
        host.run("get", GOOD.uuid),
        host.run("list", "-H", "-o", "uuid,source"),
        host.run("list", "-j"),
    ]
    assert SECRET not in "".join(run.stdout + run.stderr for run in runs)
    host.root.mkdir(exist_ok=True)
    source = {"url": document["source"]}
    (host.root / "imgadm.conf").write_text(json.dumps({"sources": [source]}))
    (host.root / "imgadm.conf").chmod(0o600)
    updated = host.run("update", GOOD.uuid)
    assert updated.stdout.startswith("Updated 1 manifest field "), updated
    assert SECRET not in seen(host, updated)


def test_files_that_others_can_read(host: Host, serve: Serve) -> None:
    token = host.temporary / "token"
    token.write_text("0123456789abcdef-token")
    for mode, warned in ((0o600, False), (0o640, True), (0o604, True)):
        token.chmod(mode)
        done = host.run("publish", "--token-file", "token", "-m", "m", "-f", "f", serve().url)
        assert ("others can read it: run chmod 600" in done.stderr) is warned
        assert "0123456789abcdef" not in seen_without(token, host, done)
    assert done.stdout == ""


def seen_without(path: Path, host: Host, *runs: Finished) -> str:
    content = path.read_text()
    path.write_text("")
    try:
        return seen(host, *runs)
    finally:
        path.write_text(content)
