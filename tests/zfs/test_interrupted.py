"""Imports that are met in the middle: killed, interrupted, or joined by another."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.imports.images import chain_of_three, disk_sha256, sample, sample_image
from tests.python_path import PYTHON_PATH
from tests.stands.zfsvm import Session, volume_digests, volume_sha256
from tests.stands.zfsvm.session import Command

from .guest_host import GuestHost, Shelf, Traces, announced_url, finished, only

IMAGE = sample_image("zvol-full", "none")
HALF = len(IMAGE.data) // 2


@dataclass(frozen=True)
class PausingServer:
    """Sends the first half of the image; the rest once the gate is open."""

    url: str
    gate: Path


@pytest.fixture
def pausing(zfs_host: Session, shelf: Shelf) -> Iterator[PausingServer]:
    shelf.put(IMAGE)
    gate = shelf.path / "gate"
    words = ["-m", "tests.zfs.pausing_server", str(shelf.path), str(HALF), str(gate)]
    server = zfs_host.start(
        f"exec {shlex.join([sys.executable, *words])}", env={"PYTHONPATH": PYTHON_PATH}
    )
    yield PausingServer(announced_url(server), gate)
    server.signal("KILL")
    assert server.wait(timeout=60).status == 128 + 9


def begin(host: GuestHost, url: str, *options: str) -> Command:
    """An import that is half way: the pool has begun to receive the image."""
    command = host.start("import", *options, "-S", url, IMAGE.uuid)
    host.vm.check(f"until zfs list zones/{IMAGE.uuid}-partial; do sleep 0.3; done", timeout=200)
    assert command.poll() is None
    return command


def test_killed_import_runs_again(
    host: GuestHost, shelf: Shelf, url: str, pausing: PausingServer
) -> None:
    half_way = begin(host, pausing.url)
    half_way.signal("KILL")
    assert half_way.wait(timeout=60).status == 128 + 9
    left = host.traces()
    assert left.records == left.snapshots == []
    assert left.origins.keys() <= {f"zones/{IMAGE.uuid}-partial"}

    assert host.run("import", "-S", url, IMAGE.uuid).status == 0
    assert host.traces() == only(IMAGE)
    assert volume_sha256(host.vm, f"zones/{IMAGE.uuid}") == disk_sha256("zvol-full")


def test_remains_of_an_import_that_died_before_its_end_are_cleaned_away(
    host: GuestHost, shelf: Shelf, url: str
) -> None:
    base, child, _ = chain_of_three("none")
    shelf.put(base, child)
    assert host.run("import", "-S", url, base.uuid).status == 0
    stream = host.vm.exchange / "remains"
    stream.write_bytes(sample("zvol-incr"))
    host.vm.check(f"zfs receive zones/{child.uuid}-partial@incr <{stream}")
    host.vm.check(f"zfs snapshot zones/{child.uuid}-partial@more")

    assert host.run("import", "-S", url, child.uuid).status == 0
    assert host.traces() == only(base, child)
    assert volume_sha256(host.vm, f"zones/{child.uuid}") == disk_sha256("zvol-incr")


def test_interrupted_import_leaves_nothing(host: GuestHost, pausing: PausingServer) -> None:
    half_way = begin(host, pausing.url)
    half_way.signal("INT")
    done = finished(half_way)
    assert done.status == 130
    assert done.error() == ("Interrupted", "interrupted")
    assert host.traces() == Traces()


def test_import_waits_for_another_of_the_same_image(
    host: GuestHost, pausing: PausingServer
) -> None:
    first = begin(host, pausing.url)
    refused = host.run("import", "--no-wait", "-S", pausing.url, IMAGE.uuid)
    code, message = refused.error()
    assert (refused.status, code) == (1, "Locked")
    assert f"image {IMAGE.uuid} is locked by" in message

    second = host.start("import", "-S", pausing.url, IMAGE.uuid)
    wait_for_text(host, second.stdout_path, f"Waiting for image {IMAGE.uuid} import lock")
    pausing.gate.touch()
    assert finished(first).lines[-1] == f"Imported image {IMAGE.title}"
    last = finished(second)
    assert (last.status, last.lines[-1]) == (
        0,
        f"Image {IMAGE.title} was imported while waiting on lock",
    )
    assert host.traces() == only(IMAGE)


def wait_for_text(host: GuestHost, path: Path, text: str) -> None:
    host.vm.check(f"until grep -q '{text}' {path}; do sleep 0.3; done", timeout=200)


def test_chains_that_meet_arrive_side_by_side(host: GuestHost, shelf: Shelf, url: str) -> None:
    chain = chain_of_three("zstd")
    sibling = sample_image("zvol-incr", "none", origin=chain[0])
    shelf.put(*chain, sibling)
    tops = [chain[2], sibling]
    runs = host.run_together(*(("import", "-S", url, top.uuid) for top in tops))
    assert [run.status for run in runs] == [0, 0], runs
    assert host.traces() == only(*chain, sibling)
    digests = volume_digests(host.vm, *(f"zones/{top.uuid}" for top in tops))
    assert digests == [disk_sha256(name) for name in ("zvol-incr2", "zvol-incr")]
