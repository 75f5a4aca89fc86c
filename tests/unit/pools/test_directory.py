"""The directory pool: the common contract, and what is peculiar to directories."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from imgadm.errors import FileSystemError, InternalError
from imgadm.pools.directory import DirectoryPool
from tests.python_path import PYTHON_PATH
from tests.unit.pools.conformance import (
    CHAIN,
    Bench,
    PoolConformance,
    manifest_of,
    sample,
)


class DirectoryBench(Bench):
    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.path = directory / "pool"
        self.path.mkdir()

    def open(self) -> DirectoryPool:
        return DirectoryPool(self.path)

    def names(self) -> set[str]:
        return {path.name for path in self.path.iterdir()}

    def disk(self, uuid: str) -> Path:
        return self.path / uuid / "disk.raw"

    def leave_behind(self, uuid: str) -> None:
        for name in (f"{uuid}.0123abcd.partial", f"{uuid}.partial"):
            remains = self.path / name
            remains.mkdir()
            (remains / "disk.raw").write_bytes(b"half a disk")
            (remains / "stream.zfs.01234567.partial").write_bytes(b"half a stream")


@pytest.fixture
def bench(tmp_path: Path) -> DirectoryBench:
    return DirectoryBench(tmp_path)


class TestDirectoryPool(PoolConformance):
    """The contract."""


def test_record_is_json_that_others_can_read(bench: DirectoryBench) -> None:
    image = bench.install("zvol-embedded")
    record = json.loads((bench.path / image.uuid / "image.json").read_text())
    assert record["manifest"] == manifest_of("zvol-embedded")
    assert record["zpool"] == str(bench.path)
    assert set(record["stream"]) >= {"type", "name", "guid", "volume_size", "block_size"}


def test_disk_is_sparse(bench: DirectoryBench) -> None:
    image = bench.install("zvol-embedded")
    status = bench.disk(image.uuid).stat()
    assert status.st_blocks * 512 < status.st_size / 2


@pytest.mark.parametrize("content", [b"", b"{nonsense", b"[]", b'{"manifest": {"uuid": "x"}}'])
def test_image_with_a_bad_record_is_still_there(content: bytes, bench: DirectoryBench) -> None:
    image = bench.install("zvol-embedded")
    (bench.path / image.uuid / "image.json").write_bytes(content)
    assert bench.installed(image.uuid).manifest == {"uuid": image.uuid}
    bench.open().delete(image.uuid)
    assert bench.names() == set()


def test_file_with_the_name_of_an_image_is_none(bench: DirectoryBench) -> None:
    manifest = manifest_of("zvol-embedded")
    (bench.path / manifest["uuid"]).write_text("precious")
    assert bench.open().get(manifest["uuid"]) is None
    assert list(bench.open().images()) == []
    with (
        pytest.raises(FileSystemError, match="cannot rename"),
        bench.open().receive(manifest, source=None, origin=None) as reception,
    ):
        reception.commit(bench.run(reception, sample("zvol-embedded")))
    assert bench.names() == {manifest["uuid"]}


def test_child_needs_a_base_that_is_a_disk(bench: DirectoryBench) -> None:
    base = bench.install("fs-full")
    with pytest.raises(InternalError, match="is not recorded as a disk"):
        bench.open().receive(manifest_of("zvol-incr", base.uuid), source=None, origin=base)
    assert bench.names() == {base.uuid}


def test_child_needs_the_disk_of_its_base(bench: DirectoryBench) -> None:
    base = bench.install("zvol-full")
    bench.disk(base.uuid).unlink()
    with pytest.raises(FileSystemError, match="No such file or directory"):
        bench.open().receive(manifest_of("zvol-incr", base.uuid), source=None, origin=base)
    assert bench.names() == {base.uuid}


def test_image_that_has_lost_its_base_cannot_be_sent(bench: DirectoryBench) -> None:
    base = bench.install("zvol-full")
    child = bench.install("zvol-incr", base)
    bench.open().delete(base.uuid)
    with pytest.raises(InternalError, match="has lost its origin"):
        bench.open().send(child)


def test_other_things_in_the_directory_are_left_alone(bench: DirectoryBench) -> None:
    for name in ("lost+found", "README", "x.partial"):
        (bench.path / name).mkdir()
    assert list(bench.open().images()) == []
    image = bench.install("zvol-embedded")
    assert [listed.uuid for listed in bench.open().images()] == [image.uuid]
    assert bench.names() == {image.uuid, "lost+found", "README", "x.partial"}


RECEIVE = """
import sys
from pathlib import Path
from tests.unit.pools.conformance import CHAIN, sample
from tests.unit.pools.test_directory import DirectoryBench, manifest_of

class Again(DirectoryBench):
    def __init__(self, directory):
        self.scratch, self.path = directory, directory / "pool"

bench, base = Again(Path(sys.argv[1])), sys.argv[2]
print("ready", flush=True)
bench.install(CHAIN[1], bench.installed(base))
print("done", flush=True)
"""


@pytest.mark.parametrize("seed", range(12))
def test_process_killed_at_any_moment_leaves_the_whole_image_or_none(
    seed: int, bench: DirectoryBench
) -> None:
    base = bench.install(CHAIN[0])
    child = manifest_of(CHAIN[1])["uuid"]
    process = subprocess.Popen(
        [sys.executable, "-c", RECEIVE, str(bench.scratch), base.uuid],
        stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": PYTHON_PATH, "PYTHONSAFEPATH": "1"},
    )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        process.wait(random.Random(seed).uniform(0, 0.4))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
    process.stdout.close()
    found = bench.open().get(child)
    if found is not None:
        assert found.manifest == manifest_of(CHAIN[1], base.uuid)
        bench.assert_disk(found, CHAIN[1])
    bench.assert_disk(base, CHAIN[0])
    if found is None:
        bench.assert_disk(bench.install(CHAIN[1], base), CHAIN[1])
    assert bench.names() == {base.uuid, child}
