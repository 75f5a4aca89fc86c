"""A directory pool shared with other state directories, other users and hostile ones."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from imgadm.base.errors import ConfigError, FileSystemError
from imgadm.pools.directory.pool import DirectoryPool
from imgadm.pools.images import InstalledImage
from imgadm.pools.reception import Reception
from tests.planted import NOBODY, SPECIAL, can_be_nobody
from tests.python_path import PYTHON_PATH
from tests.unit.pools.conformance import CHAIN, manifest_of, sample
from tests.unit.pools.directory.test_directory import DirectoryBench

UUID = manifest_of("zvol-embedded")["uuid"]


@pytest.fixture
def bench(tmp_path: Path) -> DirectoryBench:
    return DirectoryBench(tmp_path)


def received(bench: DirectoryBench, name: str = "zvol-embedded") -> tuple[Reception, object]:
    reception = bench.open().receive(manifest_of(name), source=None, origin=None)
    return reception, bench.run(reception, sample(name))


def test_two_imports_that_may_be_killed_leave_a_whole_image_or_none(bench: DirectoryBench) -> None:
    manifest = {**manifest_of("zvol-full"), "requirements": {}, "owner": UUID}
    manifest |= {"state": "active", "disabled": False, "public": True}
    manifest["published_at"] = "2026-01-01T00:00:00.000Z"
    content = sample("zvol-full")
    manifest["files"] = [
        {
            "sha1": hashlib.sha1(content).hexdigest(),
            "size": len(content),
            "compression": "none",
        }
    ]
    uuid = manifest["uuid"]
    (bench.scratch / "manifest").write_text(json.dumps(manifest))
    (bench.scratch / "file").write_bytes(content)
    paths = [str(bench.path), str(bench.scratch / "manifest"), str(bench.scratch / "file")]
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.unit.pools.directory.two_installers", *paths],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": PYTHON_PATH, "PYTHONSAFEPATH": "1"},
    )
    assert program.stdin is not None
    assert program.stdout is not None
    with program:
        ends = []
        for seed in range(20):
            print(seed, file=program.stdin, flush=True)
            ends.append(int(program.stdout.readline()))
            image = bench.open().get(uuid)
            if image is not None:
                assert image.manifest == manifest
                bench.assert_disk(image, "zvol-full")
                bench.open().delete(uuid)
            assert image is not None or ends[-1] == 0
            others = bench.names() - {f".{uuid}.lock"}
            assert all(name.startswith(uuid) and name.endswith(".partial") for name in others)
            assert len(others) <= 2  # what was left before is gone
        program.stdin.close()
        assert program.stderr is not None
        assert program.stderr.read() == ""
    assert 2 in ends
    bench.install("zvol-full")
    assert bench.names() - {f".{uuid}.lock"} == {uuid}


def test_an_image_installed_meanwhile_is_not_replaced(bench: DirectoryBench) -> None:
    first, report = received(bench)
    second, other = received(bench)  # without the lock, that of the first would not be removed
    with first, second:
        second.commit(other)
        with pytest.raises(FileSystemError, match="another process has removed|File exists"):
            first.commit(report)
    assert bench.names() == {UUID}
    bench.assert_disk(bench.installed(UUID), "zvol-embedded")


@pytest.mark.parametrize("there", ["directory", "file", "link"])
def test_an_existing_file_or_directory_is_not_replaced(there: str, bench: DirectoryBench) -> None:
    reception, report = received(bench)
    final = bench.path / UUID
    {
        "directory": final.mkdir,
        "file": final.touch,
        "link": lambda: final.symlink_to("elsewhere"),
    }[there]()
    before = final.lstat()
    with reception, pytest.raises(FileSystemError, match="File exists"):
        reception.commit(report)
    assert os.path.samestat(final.lstat(), before)
    assert bench.names() == {UUID}


def test_a_directory_of_another_process_is_neither_committed_nor_removed(
    bench: DirectoryBench,
) -> None:
    reception, report = received(bench)
    (ours,) = bench.path.iterdir()
    ours.rename(bench.scratch / "stolen")
    ours.mkdir()
    (ours / "disk.raw").write_text("theirs")
    with reception, pytest.raises(FileSystemError, match="another process has removed"):
        reception.commit(report)
    assert bench.names() == {ours.name}
    assert (ours / "disk.raw").read_text() == "theirs"


@pytest.mark.parametrize("plant", SPECIAL)
def test_things_planted_as_partial_directories_are_removed(
    plant: Callable[[Path], None], bench: DirectoryBench
) -> None:
    """Of a link only the link goes, whatever it leads to."""
    (bench.path / "precious").mkdir()
    (bench.path / "precious" / "file").write_text("precious")
    for name in (f"{UUID}.partial", f"{UUID}.0123abcd.partial"):
        plant(bench.path / name)
    bench.install("zvol-embedded")
    assert bench.names() == {UUID, "precious"}
    bench.open().delete(UUID)
    assert (bench.path / "precious" / "file").read_text() == "precious"


@pytest.mark.parametrize("plant", SPECIAL)
def test_things_planted_as_a_record_are_not_read(
    plant: Callable[[Path], None], bench: DirectoryBench
) -> None:
    image = bench.install("zvol-embedded")
    record = bench.path / UUID / "image.json"
    (bench.path / UUID / "precious").write_text(json.dumps({"manifest": {"uuid": UUID, "v": 2}}))
    record.unlink()
    plant(record)
    assert [listed.manifest for listed in bench.open().images()] == [{"uuid": UUID}]
    with pytest.raises(FileSystemError, match=r"only a regular|regular file|directory"):
        bench.open().record(image, {**image.manifest, "name": "new"}, source=None)
    assert "new" not in (bench.path / UUID / "precious").read_text()


@pytest.mark.parametrize("plant", SPECIAL)
def test_things_planted_as_a_disk_are_not_read(
    plant: Callable[[Path], None], bench: DirectoryBench
) -> None:
    base = bench.install(CHAIN[0])
    disk = bench.disk(base.uuid)
    disk.rename(disk.with_name("precious"))
    plant(disk)
    for use in (open_disk, read_all, lambda image: install_child(bench, image)):
        with pytest.raises((FileSystemError, OSError), match=r"regular file|[Dd]irectory"):
            use(base)
    assert bench.names() == {base.uuid}


def open_disk(image: InstalledImage) -> None:
    with DirectoryPool(Path(image.pool)).disk(image):
        pass


def read_all(image: InstalledImage) -> None:
    for _ in DirectoryPool(Path(image.pool)).send(image).chunks:  # type: ignore[union-attr]
        pass


def install_child(bench: DirectoryBench, base: InstalledImage) -> None:
    bench.install(CHAIN[1], base)


needs_nobody = pytest.mark.skipif(not can_be_nobody(), reason="needs root, and setpriv")


@needs_nobody
def test_hard_links_to_unreadable_files_are_not_followed(bench: DirectoryBench) -> None:
    base = bench.install(CHAIN[0])
    directory = bench.path / base.uuid
    bench.disk(base.uuid).rename(bench.scratch / "secret")
    bench.disk(base.uuid).hardlink_to(bench.scratch / "secret")
    open_disk(base)  # of the same owner: a backup, say
    os.chown(directory, NOBODY, NOBODY)
    with pytest.raises(FileSystemError, match="hard link to a file of another user"):
        open_disk(base)


@needs_nobody
@pytest.mark.parametrize(("owner", "there"), [(NOBODY, False), (0, True)])
def test_links_in_the_place_of_an_image(owner: int, there: bool, bench: DirectoryBench) -> None:
    bench.install("zvol-embedded")
    (bench.path / UUID).rename(bench.scratch / UUID)
    (bench.path / UUID).symlink_to(bench.scratch / UUID)
    os.chown(bench.path / UUID, owner, owner, follow_symlinks=False)
    assert (bench.open().get(UUID) is not None) == there
    assert len(bench.open().images()) == there


class TestModes:
    """Whatever the umask is."""

    @pytest.fixture(params=[0, 0o022, 0o077], autouse=True)
    def umask(self, request: pytest.FixtureRequest) -> Iterator[int]:
        before = os.umask(request.param)
        yield request.param
        os.umask(before)

    @pytest.fixture
    def open_pool(self, bench: DirectoryBench) -> DirectoryBench:
        """A pool whose directory gives its group to what is made in it."""
        bench.path.chmod(0o2777)
        return bench

    def modes(self, bench: DirectoryBench, uuid: str = UUID) -> dict[str, str]:
        directory = bench.path / uuid
        paths = [directory, *directory.iterdir()]
        return {path.name: f"{path.stat().st_mode & 0o7777:o}" for path in paths}

    @pytest.mark.parametrize("name", ["zvol-embedded", "fs-full"])
    def test_nobody_else_reads_an_image(self, name: str, open_pool: DirectoryBench) -> None:
        image = open_pool.install(name)
        content = "disk.raw" if name == "zvol-embedded" else "stream.zfs"
        assert self.modes(open_pool, image.uuid) == {
            image.uuid: "700",
            content: "600",
            "image.json": "600",
        }

    def test_an_image_based_on_another(self, bench: DirectoryBench) -> None:
        base = bench.install(CHAIN[0])
        child = bench.install(CHAIN[1], base)
        assert set(self.modes(bench, child.uuid).values()) == {"700", "600"}

    @pytest.mark.parametrize(
        ("mode", "directory"), [("0640", "750"), ("0644", "755"), ("0660", "750"), ("0600", "700")]
    )
    def test_unless_the_pool_says_so(
        self, mode: str, directory: str, open_pool: DirectoryBench
    ) -> None:
        settings = open_pool.path / "pool.json"
        settings.write_text(json.dumps({"mode": mode}))
        settings.chmod(0o644)
        image = open_pool.install("zvol-embedded")
        files = mode.lstrip("0")
        wanted = {UUID: directory, "disk.raw": files, "image.json": files}
        assert self.modes(open_pool) == wanted
        open_pool.open().record(image, {**image.manifest, "name": "new"}, source=None)
        assert self.modes(open_pool) == wanted

    @pytest.mark.skipif(os.geteuid() != 0, reason="gives files to another group")
    def test_the_group_of_a_pool(self, bench: DirectoryBench) -> None:
        settings = bench.path / "pool.json"
        settings.write_text('{"mode": "0640", "group": 7}')
        settings.chmod(0o600)
        image = bench.install("zvol-embedded")
        bench.open().record(image, {**image.manifest, "name": "new"}, source=None)
        paths = [bench.path / UUID, *(bench.path / UUID).iterdir()]
        assert {path.stat().st_gid for path in paths} == {7}
        assert {path.stat().st_mode & 0o7777 for path in paths[1:]} == {0o640}

    def test_a_pool_that_is_made(self, bench: DirectoryBench, umask: int) -> None:
        DirectoryPool(bench.path / "new").check()
        assert (bench.path / "new").stat().st_mode & 0o7777 == 0o755 & ~umask


def test_an_image_of_an_earlier_version_keeps_its_modes(bench: DirectoryBench) -> None:
    image = bench.install("zvol-embedded")
    record = bench.path / UUID / "image.json"
    for path, mode in ((bench.path / UUID, 0o755), (record, 0o644)):
        path.chmod(mode)
    bench.open().record(image, {**image.manifest, "name": "new"}, source=None)
    assert stat.S_IMODE(record.stat().st_mode) == 0o644
    assert stat.S_IMODE((bench.path / UUID).stat().st_mode) == 0o755


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("", "does not say who may read"),
        ("[]", "an object is wanted"),
        ('{"mode": "0666"}', 'it has to be one of "0600", "0640"'),
        ('{"mode": 416}', '"mode" is 416'),
        ('{"mode": "4755"}', '"mode" is "4755"'),
        ('{"mode": null}', '"mode" is null'),
        ('{"group": "there-is-none"}', 'no group "there-is-none"'),
        ('{"group": -1}', "neither a name nor a number"),
        ('{"group": true}', "neither a name nor a number"),
        ('{"owner": "me"}', '"owner" is not known'),
        ("[" * 100_000, "does not say who may read"),
    ],
)
def test_settings_that_make_no_sense(settings: str, words: str, bench: DirectoryBench) -> None:
    (bench.path / "pool.json").write_text(settings)
    (bench.path / "pool.json").chmod(0o644)
    with pytest.raises(ConfigError, match=words):
        bench.install("zvol-embedded")
    assert bench.names() == {"pool.json"}


def test_settings_that_another_user_may_have_written(bench: DirectoryBench) -> None:
    settings = bench.path / "pool.json"
    settings.write_text("{}")
    settings.chmod(0o664)
    with pytest.raises(ConfigError, match="can be written to by others"):
        bench.install("zvol-embedded")
    if os.geteuid() == 0:
        settings.chmod(0o600)
        os.chown(settings, NOBODY, NOBODY)
        with pytest.raises(ConfigError, match=f"belongs to user {NOBODY}"):
            bench.install("zvol-embedded")


@pytest.mark.parametrize("plant", SPECIAL)
def test_things_planted_as_settings_are_not_read(
    plant: Callable[[Path], None], bench: DirectoryBench
) -> None:
    (bench.path / "precious").write_text('{"mode": "0644"}')
    plant(bench.path / "pool.json")
    with pytest.raises(FileSystemError, match=r"regular file|[Dd]irectory"):
        bench.install("zvol-embedded")
