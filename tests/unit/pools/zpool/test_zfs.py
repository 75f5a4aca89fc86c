"""The zpool: the common contract, against ``zfs`` as it is emulated for recorded runs.

With IMGADM_TEST_ZPOOL, the name of an empty zpool, against that one and the real ``zfs``; as root.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from imgadm import streams
from imgadm.base import logs
from imgadm.base.errors import FileSystemError, ImgadmError, InternalError
from imgadm.base.logs import Log
from imgadm.pools.reception import UnexpectedNumberOfSnapshotsError
from imgadm.pools.zpool.host import ZfsHost
from imgadm.pools.zpool.pool import ZfsPool
from imgadm.state.database import Database
from tests.golden.host import Host
from tests.golden.sources.server import Sources
from tests.unit.pools.conformance import Bench, PoolConformance, manifest_of, sample

REAL_ZPOOL = os.environ.get("IMGADM_TEST_ZPOOL")
ZVOL_ID = "/lib/udev/zvol_id"


class ZfsBench(Bench):
    """A zpool and the records of its images."""

    def __init__(self, scratch: Path, name: str) -> None:
        super().__init__(scratch)
        self.name = name
        self.zfs = str(shutil.which("zfs"))

    def open(self) -> ZfsPool:
        database = Database(self.scratch / "images", warn=lambda _: None)
        return ZfsPool(ZfsHost(self.zfs, database, self.scratch / "mounts"), self.name)

    def run_zfs(self, *words: str, stdin: bytes = b"") -> str:
        done = subprocess.run([self.zfs, *words], input=stdin, capture_output=True, check=True)
        return done.stdout.decode()

    def names(self) -> set[str]:
        found = self.run_zfs("list", "-H", "-o", "name", "-r", "-d", "1", self.name).splitlines()
        return {name.removeprefix(f"{self.name}/") for name in found} - {self.name}

    def disk(self, uuid: str) -> Path:
        linked = Path("/dev/zvol") / self.name / uuid
        deadline = time.monotonic() + 20
        while not linked.exists():
            # Where no udev links devices to names, the program that its rules ask knows them.
            for node in Path("/dev").glob("zd*"):
                done = subprocess.run([ZVOL_ID, node], capture_output=True, text=True, check=False)
                if done.stdout.strip() == f"{self.name}/{uuid}":
                    return node
            assert time.monotonic() < deadline, f"no device for {self.name}/{uuid}"
            time.sleep(0.2)
        return linked

    def leave_behind(self, uuid: str) -> None:
        stream = sample("zvol-embedded")
        self.run_zfs("receive", f"{self.name}/{uuid}-partial", stdin=stream)


class EmulatedBench(ZfsBench):
    """The emulated ``zfs`` of the recorded runs; it checks what it receives and forgets it."""

    stores = False

    def __init__(self, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        source = SimpleNamespace(url=lambda _: "http://nowhere")
        self.host = Host(scratch / "host", cast(Sources, source))
        self.host.set_up(())
        monkeypatch.setenv("PATH", f"{self.host.bin}:{os.environ['PATH']}")
        super().__init__(scratch, "zones")

    def calls(self, *beginning: str) -> list[list[str]]:
        """Calls of the program so far that begin with these words."""
        words = ["zfs", *beginning]
        return [call for call in self.host.calls() if call[: len(words)] == words]

    def fail_on(self, *words: str, times: int = 1000, message: str = "dataset is busy") -> None:
        """Let the next calls that have all of these words fail, so often."""
        failure = f'printf x >>{self.failures}\necho "cannot do that: {message}" >&2\nexit 1'
        limit = f'[ "$(cat {self.failures} 2>/dev/null | wc -c)" -ge {times} ]'
        self.wrap(" ".join(words), failure, unless=limit)

    def wrap(self, words: str, script: str, *, unless: str = "false") -> None:
        """Let calls that have all of these words run a script instead."""
        program = Path(self.zfs)
        real = program.rename(program.with_name("zfs.real"))
        program.write_text(
            WRAPPED_PROGRAM.format(words=words, script=script, unless=unless, real=real)
        )
        program.chmod(0o755)

    @property
    def failures(self) -> Path:
        """A file with one character for every call that was made to fail."""
        return self.scratch / "failures"


WRAPPED_PROGRAM = """\
#!/bin/sh
for word in {words}; do
    case " $* " in *" $word "*) ;; *) exec {real} "$@" ;; esac
done
if {unless}; then exec {real} "$@"; fi
{script}
"""


@pytest.fixture
def emulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EmulatedBench:
    return EmulatedBench(tmp_path, monkeypatch)


@pytest.fixture
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ZfsBench]:
    if REAL_ZPOOL is None:
        yield request.getfixturevalue("emulated")
        return
    real = ZfsBench(tmp_path, REAL_ZPOOL)
    yield real
    for name in real.names():
        if name in real.names():  # no clone that went with its origin
            real.run_zfs("destroy", "-R", f"{REAL_ZPOOL}/{name}")


class TestZfsPool(PoolConformance):
    """The contract."""


needs_emulation = pytest.mark.skipif(REAL_ZPOOL is not None, reason="about the emulated zfs")


@needs_emulation
def test_remains_are_destroyed_before_anything_is_received(emulated: EmulatedBench) -> None:
    uuid = manifest_of("zvol-embedded")["uuid"]
    emulated.leave_behind(uuid)
    before = len(emulated.host.calls())
    emulated.install("zvol-embedded")
    changes = [
        call[1]
        for call in emulated.host.calls()[before:]
        if call[1] in ("destroy", "receive", "rename")
    ]
    assert changes == ["destroy", "receive", "rename"]


@needs_emulation
def test_only_the_partial_dataset_is_ever_destroyed(emulated: EmulatedBench) -> None:
    manifest = manifest_of("zvol-embedded")
    with (
        pytest.raises(streams.StreamError),
        emulated.open().receive(manifest, source=None, origin=None) as reception,
    ):
        emulated.run(reception, sample("zvol-embedded")[:-400])
    emulated.install("zvol-embedded")
    targets = {call[-1] for call in emulated.calls("destroy")}
    assert targets <= {f"zones/{manifest['uuid']}-partial"}


@needs_emulation
def test_snapshot_is_renamed_to_final(emulated: EmulatedBench) -> None:
    base = emulated.install("zvol-full")
    child = emulated.install("zvol-incr", base)
    assert emulated.open().children(child.uuid).snapshots == (f"zones/{child.uuid}@final",)


@needs_emulation
@pytest.mark.parametrize("extra", ["@other", "/child"])
def test_other_than_one_snapshot_is_refused(extra: str, emulated: EmulatedBench) -> None:
    manifest = manifest_of("zvol-embedded")
    partial = f"zones/{manifest['uuid']}-partial"
    with emulated.open().receive(manifest, source=None, origin=None) as reception:
        report = emulated.run(reception, sample("zvol-embedded"))
        emulated.run_zfs("snapshot" if extra[0] == "@" else "create", partial + extra)
        with pytest.raises(UnexpectedNumberOfSnapshotsError, match=r"snapshots \(2\): "):
            reception.commit(report)
    assert emulated.names() == set()


@needs_emulation
def test_rename_that_fails_leaves_neither_image_nor_record(emulated: EmulatedBench) -> None:
    manifest = manifest_of("zvol-embedded")
    emulated.fail_on("rename", f"zones/{manifest['uuid']}")
    with (
        pytest.raises(ImgadmError, match="error importing"),
        emulated.open().receive(manifest, source=None, origin=None) as reception,
    ):
        reception.commit(emulated.run(reception, sample("zvol-embedded")))
    assert emulated.names() == set()
    assert list((emulated.scratch / "images").iterdir()) == []


@needs_emulation
def test_record_that_cannot_be_written_leaves_no_image(emulated: EmulatedBench) -> None:
    manifest = manifest_of("zvol-embedded")
    (emulated.scratch / "images").write_text("a file in the way")
    with (
        pytest.raises(FileSystemError, match="cannot (write|create)"),
        emulated.open().receive(manifest, source=None, origin=None) as reception,
    ):
        reception.commit(emulated.run(reception, sample("zvol-embedded")))
    assert emulated.names() == set()
    assert emulated.calls("rename") == []


@needs_emulation
def test_zfs_that_hangs_does_not_hold_a_roll_back(
    emulated: EmulatedBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = manifest_of("zvol-embedded")
    with emulated.open().receive(manifest, source=None, origin=None) as reception:
        emulated.run(reception, sample("zvol-embedded"))
        emulated.wrap("destroy", "exec sleep 60")
        monkeypatch.setenv("IMGADM_PATIENCE", "0.5")
    assert emulated.names() == {f"{manifest['uuid']}-partial"}


@needs_emulation
def test_every_call_of_zfs_is_logged(
    emulated: EmulatedBench, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        logs.use(Log(level=20, request_id="me", source_locations=False))
        image = emulated.install("zvol-embedded")
    finally:
        logs.use(Log.from_environment({}, verbose=False, request_id="me"))
    records = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert {record["msg"] for record in records} == {"program ended"}
    assert [record["argv"][1:3] for record in records if record["argv"][1] != "list"] == [
        ["receive", "-u"],
        ["rename", f"zones/{image.uuid}-partial"],
    ]
    assert all(record["seconds"] >= 0 for record in records)
    assert {record["status"] for record in records} == {0, 1}


@needs_emulation
def test_busy_dataset_is_destroyed_when_it_is_free(emulated: EmulatedBench) -> None:
    manifest = manifest_of("zvol-embedded")
    emulated.fail_on("destroy", times=2)
    with emulated.open().receive(manifest, source=None, origin=None) as reception:
        emulated.run(reception, sample("zvol-embedded"))
    assert emulated.names() == set()
    assert emulated.failures.read_text() == "xx"


@needs_emulation
def test_dataset_of_a_virtual_machine_is_no_image(emulated: EmulatedBench) -> None:
    base = emulated.install("zvol-full")
    machine = "aaaaaaaa-1111-4111-8111-000000000001"
    emulated.run_zfs("clone", f"zones/{base.uuid}@final", f"zones/{machine}")
    assert emulated.open().get(machine) is None
    assert [image.uuid for image in emulated.open().images()] == [base.uuid]
    assert emulated.open().children(base.uuid).clones == (f"zones/{machine}",)


@needs_emulation
def test_snapshot_that_cannot_be_named_final_stays_as_it_is(emulated: EmulatedBench) -> None:
    image = emulated.install("zvol-embedded")
    name = f"zones/{image.uuid}"
    emulated.run_zfs("rename", f"{name}@final", f"{name}@other")
    emulated.run_zfs("snapshot", f"{name}@newer")
    before = emulated.open().snapshots(image)
    assert [snapshot.name for snapshot in before] == [f"{name}@other", f"{name}@newer"]
    emulated.fail_on("rename", message="permission denied")
    with pytest.raises(
        InternalError, match=rf'error renaming "{name}@other" to "{name}@final":(?s:.*)denied'
    ):
        emulated.open().name_final(image, f"{name}@other")
    assert emulated.open().snapshots(image) == before


@needs_emulation
def test_missing_zpool_is_named(emulated: EmulatedBench) -> None:
    emulated.name = "none"
    with pytest.raises(ImgadmError, match=r'cannot use zpool "none".*name another with -P'):
        emulated.open().check()


@needs_emulation
def test_zfs_that_cannot_answer_does_not_look_like_an_empty_pool(emulated: EmulatedBench) -> None:
    image = emulated.install("zvol-embedded")
    emulated.fail_on("list", message="permission denied")
    with pytest.raises(ImgadmError, match="permission denied"):
        emulated.open().get(image.uuid)
    with pytest.raises(ImgadmError, match="permission denied"):
        emulated.open().children(image.uuid)


@needs_emulation
def test_records_are_files_as_ever(emulated: EmulatedBench) -> None:
    image = emulated.install("zvol-embedded")
    record: dict[str, Any] = json.loads(
        (emulated.scratch / "images" / f"zones-{image.uuid}.json").read_text()
    )
    assert record == {
        "manifest": manifest_of("zvol-embedded"),
        "zpool": "zones",
        "source": "http://a.source",
    }
