"""Connections that break, and sources that fail: the next attempt, or the next source, goes on."""

from __future__ import annotations

import threading

from imgadm.base.locks.command_locks import Locks
from imgadm.operations.events.importing import ImageInstalled
from imgadm.operations.importing.import_image import import_image
from imgadm.operations.importing.import_steps import ImportOptions
from imgadm.pools.directory.pool import DirectoryPool
from imgadm.sources import ClientOptions, open_source
from imgadm.state.source_config import SourceConfig

from .conftest import Serve
from .host import Host, sha256
from .images import disk_sha256, sample_image, small_image
from .server import as_json, cut_after, html, serve_bytes, stall_after

GOOD = sample_image("zvol-128k")
MANIFEST = f"/images/{GOOD.uuid}"
FILE = f"{MANIFEST}/file"
HALF = len(GOOD.data) // 2
RESUMED = "imgadm import: warning: the connection was lost and resumed once\n"


def assert_imported(host: Host) -> None:
    assert sha256(host.disk(GOOD.uuid)) == disk_sha256("zvol-128k")
    host.assert_tidy(GOOD.uuid)


def test_cut_connection_is_resumed_by_range(host: Host, serve: Serve) -> None:
    whole = serve_bytes(GOOD.data, etag='"one"')
    server = serve(GOOD, special={FILE: [cut_after(HALF, GOOD.data, etag='"one"'), whole]})
    done = host.run("import", "-S", server.url, GOOD.uuid)
    assert (done.status, done.stderr) == (0, RESUMED)
    assert server.requests.count(FILE) == 2
    assert_imported(host)


def test_cut_connection_is_resumed_by_reading_again(host: Host, serve: Serve) -> None:
    server = serve(GOOD, special={FILE: [cut_after(HALF, GOOD.data), serve_bytes(GOOD.data)]})
    done = host.run("import", "-S", server.url, GOOD.uuid)
    assert (done.status, done.stderr) == (0, RESUMED)
    assert_imported(host)


def test_file_that_changes_in_the_middle_is_refused(host: Host, serve: Serve) -> None:
    other = bytes([GOOD.data[0] ^ 1]) + GOOD.data[1:]
    server = serve(GOOD, special={FILE: [cut_after(HALF, GOOD.data), serve_bytes(other)]})
    done = host.run("import", "-S", server.url, GOOD.uuid)
    code, message = done.error()
    assert (done.status, code) == (1, "Changed")
    assert "changed while it was being downloaded" in message
    host.assert_tidy()


def test_stalled_connection_is_resumed(host: Host, serve: Serve) -> None:
    released = threading.Event()
    stalling = stall_after(HALF, GOOD.data, released)
    server = serve(GOOD, special={FILE: [stalling, serve_bytes(GOOD.data)]})
    events: list[object] = []
    options = ImportOptions(Locks(host.root / "locks", "a test"), stall_timeout=0.5)
    try:
        with open_source(SourceConfig(server.url), ClientOptions()) as source:
            import_image(
                DirectoryPool(host.pool), lambda: [source], GOOD.uuid, options, events.append
            )
    finally:
        released.set()
    (installed,) = (event for event in events if isinstance(event, ImageInstalled))
    assert installed.report.notes == ["the connection was lost and resumed once"]
    assert_imported(host)


def test_source_that_is_down_is_named_and_passed_over(host: Host, serve: Serve) -> None:
    server = serve(GOOD)
    done = host.run("import", "-S", "http://127.0.0.1:1", "-S", server.url, GOOD.uuid)
    assert done.status == 0
    assert done.stderr == "imgadm import: warning: http://127.0.0.1:1: connect ECONNREFUSED\n"
    assert_imported(host)


def test_mirror_takes_over_from_a_source_that_fails(host: Host, serve: Serve) -> None:
    for first in (
        serve(GOOD, special={FILE: html(500)}),
        serve(GOOD, special={FILE: cut_after(HALF, GOOD.data)}),
        serve(GOOD, special={FILE: serve_bytes(bytes(len(GOOD.data)))}),
    ):
        mirror = serve(GOOD)
        done = host.run("import", "-S", first.url, "-S", mirror.url, GOOD.uuid)
        assert done.status == 0
        (warning,) = done.stderr.splitlines()
        assert warning.startswith(f"imgadm import: warning: {first.url}: ")
        assert warning.endswith(f'; going on with "{mirror.url}"')
        assert_imported(host)
        assert f'"source": "{mirror.url}"' in host.run("get", GOOD.uuid).stdout
        assert host.run("delete", GOOD.uuid).status == 0


def test_only_the_same_file_is_taken_from_another_source(host: Host, serve: Serve) -> None:
    first = serve(GOOD, special={FILE: html(500)})
    other = serve(sample_image("zvol-128k", "zstd").having(uuid=GOOD.uuid))
    unchecked = serve(GOOD.having(files=[{"compression": "gzip", "size": len(GOOD.data)}]))
    sources = [word for server in (first, other, unchecked) for word in ("-S", server.url)]
    done = host.run("import", *sources, GOOD.uuid)
    assert (done.status, done.error()[0]) == (1, "DownloadError")
    assert FILE not in other.requests + unchecked.requests
    host.assert_tidy()


def test_mirror_that_has_only_the_base_helps_with_that(host: Host, serve: Serve) -> None:
    base = sample_image("zvol-full")
    child = sample_image("zvol-incr", origin=base)
    first = serve(base, child, special={f"/images/{base.uuid}/file": html(503)})
    done = host.run("import", "-S", first.url, "-S", serve(base).url, child.uuid)
    assert done.status == 0
    assert sha256(host.disk(child.uuid)) == disk_sha256("zvol-incr")
    host.assert_tidy(base.uuid, child.uuid)


def test_all_sources_that_fail_are_told_if_none_has_the_image(host: Host, serve: Serve) -> None:
    sad = serve(special={MANIFEST: as_json({"code": "Oops", "message": "sad"}, 500)})
    done = host.run("import", "-S", "http://127.0.0.1:1", "-S", sad.url, GOOD.uuid)
    code, message = done.error()
    assert code == "MultiError"
    assert "error (ECONNREFUSED): connect ECONNREFUSED" in message
    assert "error (Oops): sad" in message
    host.assert_tidy()


def test_origin_that_the_source_cannot_tell_about(host: Host, serve: Serve) -> None:
    child = small_image(origin=GOOD)
    server = serve(child, special={MANIFEST: html(500)})
    done = host.run("import", "-S", server.url, child.uuid)
    assert (done.status, done.error()[0]) == (1, "InternalError")
    host.assert_tidy()
