"""Imports that end before their time, at once with another, or with nobody listening."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from .conftest import Serve
from .host import Host, Running, sha256, wait_until
from .images import chain_of_three, disk_sha256, sample_image
from .server import Server, serve_bytes, stall_after

GOOD = sample_image("zvol-full")
FILE = f"/images/{GOOD.uuid}/file"
PATIENCE = 10


def start_and_wait_for_half(host: Host, server: Server, *options: str) -> Running:
    running = host.start("import", *options, "-S", server.url, GOOD.uuid)
    wait_until(lambda: any(has_data(path / "disk.raw") for path in host.partials(GOOD.uuid)))
    return running


def has_data(path: Path) -> bool:
    return path.exists() and path.stat().st_blocks > 0


def assert_import_succeeds(host: Host, server: Server) -> None:
    done = host.run("import", "-S", server.url, GOOD.uuid)
    assert (done.status, done.stderr) == (0, "")
    assert sha256(host.disk(GOOD.uuid)) == disk_sha256("zvol-full")
    host.assert_tidy(GOOD.uuid)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_ends_an_import_and_undoes_it(
    number: signal.Signals, host: Host, stalling: Server
) -> None:
    running = start_and_wait_for_half(host, stalling)
    running.signal(number)
    done = running.finish(timeout=PATIENCE)
    assert done.status == 128 + number
    assert done.stderr == "imgadm import: error (Interrupted): interrupted\n"
    host.assert_tidy()
    assert_import_succeeds(host, stalling)


def test_impatient_operator_presses_ctrl_c_often(host: Host, stalling: Server) -> None:
    running = start_and_wait_for_half(host, stalling)
    for _ in range(20):
        running.signal(signal.SIGINT)
        time.sleep(0.005)
    done = running.finish(timeout=PATIENCE)
    assert done.status in (128 + signal.SIGINT, -signal.SIGINT)
    assert "Traceback" not in done.stderr
    host.assert_tidy()


def test_killed_import_leaves_nothing_that_hinders_the_next(host: Host, stalling: Server) -> None:
    running = start_and_wait_for_half(host, stalling)
    running.signal(signal.SIGKILL)
    assert running.finish().status == -signal.SIGKILL
    (partial,) = host.partials(GOOD.uuid)
    assert host.installed() == {partial.name, f".{GOOD.uuid}.lock"}
    assert host.run("list", "-H").stdout == ""
    assert host.run("get", GOOD.uuid).status == 3
    assert_import_succeeds(host, stalling)


def test_killed_import_is_nobodys_lock(host: Host, stalling: Server) -> None:
    killed = start_and_wait_for_half(host, stalling)
    killed.signal(signal.SIGKILL)
    killed.finish()
    done = host.run("import", "--no-wait", "-S", stalling.url, GOOD.uuid)
    assert (done.status, done.stderr) == (0, "")


def test_two_imports_of_one_image_both_succeed(
    host: Host, stalling: Server, released: threading.Event
) -> None:
    first = start_and_wait_for_half(host, stalling)
    second = host.start("import", "-S", stalling.url, GOOD.uuid)
    assert second.process.stdout is not None
    lines = []
    while not lines or "held by" not in lines[-1]:
        lines.append(second.process.stdout.readline().rstrip("\n"))
    assert lines[-2] == f"Waiting for image {GOOD.uuid} import lock"
    assert lines[-1].startswith(
        f'    held by "imgadm import -S {stalling.url} {GOOD.uuid}" (pid {first.process.pid}, since'
    )
    released.set()
    ends = [first.finish(), second.finish()]
    assert [end.status for end in ends] == [0, 0]
    assert ends[1].stdout == f"Image {GOOD.title} was imported while waiting on lock\n"
    assert sha256(host.disk(GOOD.uuid)) == disk_sha256("zvol-full")
    host.assert_tidy(GOOD.uuid)


def test_no_wait_names_who_is_at_it(
    host: Host, stalling: Server, released: threading.Event
) -> None:
    first = start_and_wait_for_half(host, stalling)
    done = host.run("import", "--no-wait", "-S", stalling.url, GOOD.uuid)
    code, message = done.error()
    assert (done.status, code) == (1, "Locked")
    assert f"pid {first.process.pid}" in message
    assert f'"imgadm import -S {stalling.url} {GOOD.uuid}"' in message
    released.set()
    assert first.finish().status == 0


def test_base_cannot_be_deleted_under_a_child_on_its_way(
    host: Host, serve: Serve, released: threading.Event
) -> None:
    base, child, _ = chain_of_three()
    file = f"/images/{child.uuid}/file"
    first = stall_after(len(child.data) // 2, child.data, released)
    server = serve(base, child, special={file: [first, serve_bytes(child.data)]})
    assert host.run("import", "-S", server.url, base.uuid).status == 0
    importing = host.start("import", "-S", server.url, child.uuid)
    wait_until(lambda: file in server.requests)

    refused = host.run("delete", "--no-wait", base.uuid)
    assert refused.error()[0] == "Locked"
    assert f"pid {importing.process.pid}" in refused.error()[1]
    deleting = host.start("delete", base.uuid)
    released.set()
    assert importing.finish().status == 0
    refused = deleting.finish()
    assert (refused.status, refused.error()[0]) == (1, "ImageHasDependentClones")
    assert sha256(host.disk(child.uuid)) == disk_sha256("zvol-incr")
    host.assert_tidy(base.uuid, child.uuid)


def test_children_of_one_base_come_at_the_same_time(
    host: Host, serve: Serve, released: threading.Event
) -> None:
    base, child, _ = chain_of_three()
    sibling = child.having(uuid="22222222-2222-4222-8222-222222222222")
    file = f"/images/{child.uuid}/file"
    first = stall_after(len(child.data) // 2, child.data, released)
    server = serve(base, child, sibling, special={file: [first, serve_bytes(child.data)]})
    assert host.run("import", "-S", server.url, base.uuid).status == 0
    importing = host.start("import", "-S", server.url, child.uuid)
    wait_until(lambda: file in server.requests)
    assert host.run("import", "--no-wait", "-S", server.url, sibling.uuid).status == 0
    released.set()
    assert importing.finish().status == 0
    host.assert_tidy(base.uuid, child.uuid, sibling.uuid)


def test_reader_that_goes_away_ends_the_import(
    host: Host, stalling: Server, released: threading.Event
) -> None:
    running = start_and_wait_for_half(host, stalling)
    reader, running.process.stdout = running.process.stdout, None
    assert reader is not None
    reader.close()
    released.set()
    done = running.finish()
    assert (done.status, done.stderr) == (128 + signal.SIGPIPE, "")
    host.assert_tidy()


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_do_no_harm(closed: str, host: Host, serve: Serve) -> None:
    server = serve(GOOD)
    command = f'exec "$0" -m imgadm import -S {server.url} {GOOD.uuid} {closed}'
    done = subprocess.run(
        ["/bin/sh", "-c", command, sys.executable],
        env=host.environment,
        cwd=host.temporary,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sha256(host.disk(GOOD.uuid)) == disk_sha256("zvol-full")
    host.assert_tidy(GOOD.uuid)


def test_full_stdout_is_an_error(host: Host, serve: Serve) -> None:
    with open("/dev/full", "w") as full:
        done = host.run("import", "-S", serve(GOOD).url, GOOD.uuid, stdout=full)
    assert (done.status, done.error()[0]) == (1, "ENOSPC")
    host.assert_tidy()
