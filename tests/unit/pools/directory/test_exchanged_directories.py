"""Another user who may write to a pool exchanges directories while this process uses them.

Nothing is written to where a link of theirs leads, and nothing is read from there.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from imgadm import streams
from imgadm.base.errors import ConfigError, FileSystemError
from imgadm.base.files.opening import open_directory, open_regular, pinned_path
from imgadm.layers import unpack_layer
from imgadm.operations.importing.receive_layers import make_root, receive_layers
from tests.planted import NOBODY, can_be_nobody, reachable_directory, run_as_nobody
from tests.unit.operations.layers_on_the_way import Chain
from tests.unit.pools.conformance import CHAIN, manifest_of, sample
from tests.unit.pools.directory.test_directory import DirectoryBench

needs_nobody = pytest.mark.skipif(not can_be_nobody(), reason="needs root, and setpriv")
needs_proc = pytest.mark.skipif(
    not sys.platform.startswith(("linux", "sunos")), reason="/proc has no open directories here"
)
pytestmark = needs_proc

NAMES = ("disk.raw", "stream.zfs", "image.json", "layer", "owners.jsonl")


@pytest.fixture
def bench(tmp_path: Path) -> DirectoryBench:
    return DirectoryBench(tmp_path)


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    directory = tmp_path / "victim"
    directory.mkdir()
    (directory / "root").mkdir()
    for name in NAMES:
        (directory / name).write_text("precious")
    return directory


def assert_untouched(victim: Path) -> None:
    assert {path.name for path in victim.iterdir()} == {"root", *NAMES}
    assert list((victim / "root").iterdir()) == []
    assert {(victim / name).read_text() for name in NAMES} == {"precious"}


def exchange(directory: Path, victim: Path) -> None:
    directory.rename(directory.with_name("stolen"))
    directory.symlink_to(victim)


@pytest.mark.parametrize("name", ["zvol-embedded", "fs-full", CHAIN[1]])
def test_an_image_on_its_way(name: str, bench: DirectoryBench, victim: Path) -> None:
    origin = bench.install(CHAIN[0]) if name == CHAIN[1] else None
    manifest = manifest_of(name, None if origin is None else origin.uuid)
    with bench.open().receive(manifest, source=None, origin=origin) as reception:
        (partial,) = bench.path.glob("*.partial")
        exchange(partial, victim)
        report = bench.run(reception, sample(name))
        with pytest.raises(FileSystemError, match="another process has removed"):
            reception.commit(report)
    assert_untouched(victim)


def test_a_root_that_is_unpacked(bench: DirectoryBench, victim: Path) -> None:
    chain = Chain(bench.scratch, ({"etc/": b"", "etc/passwd": b"theirs"},), "test")
    manifests = [dict(layer.image.raw) for layer in chain.incoming(0)]
    reception = bench.open().receive_layers(manifests, source=None, base=None)
    with reception:
        (partial,) = bench.path.glob("*.partial")
        exchange(partial, victim)
        root = reception.begin(chain.uuids[0])
        (bench.scratch / "layer").write_bytes(chain.archives[0])
        streams.run(streams.read_file(bench.scratch / "layer"), unpack_layer(root))
        (reception.waiting_room / "0").write_text("spooled")
    assert_untouched(victim)


def test_a_record_that_is_updated(bench: DirectoryBench, victim: Path) -> None:
    image = bench.install("zvol-embedded")
    exchange(bench.path / image.uuid, victim)
    if os.geteuid() != 0:
        pytest.skip("makes a link of somebody else")
    os.chown(bench.path / image.uuid, NOBODY, NOBODY, follow_symlinks=False)
    with pytest.raises(FileSystemError, match="a link of user"):
        bench.open().record(image, {**image.manifest, "name": "new"}, source=None)
    assert_untouched(victim)


def test_a_disk_that_is_read(bench: DirectoryBench, victim: Path) -> None:
    image = bench.install(CHAIN[0])
    with bench.open().disk(image) as (path, _):
        exchange(bench.path / image.uuid, victim)
        descriptor = open_regular(path)
        assert os.pread(descriptor, 8, 0) != b"precious"
        os.close(descriptor)
        assert path.read_bytes()[:8] != b"precious"


@needs_nobody
def test_a_root_for_an_image_of_another_user(bench: DirectoryBench) -> None:
    """Its owner could run what is set-uid in there."""
    chain = Chain(bench.scratch, ({"a": b"a"}, {"b": b"b"}), "test")
    receive_layers(
        bench.open(), chain.incoming(0), source=None, base=None, on_event=lambda event: None
    )
    lower = bench.path / chain.uuids[0]
    os.chown(lower, NOBODY, NOBODY)
    with pytest.raises(FileSystemError, match=f"belongs to user {NOBODY}"):
        make_root(bench.open(), bench.installed(lower.name), chain.manifests[0], lambda event: None)
    assert not (lower / "root").exists()


@needs_nobody
def test_a_group_that_cannot_be_set_is_an_error_before_the_first_byte() -> None:
    program = (
        "import sys; from pathlib import Path;"
        "from imgadm.pools.directory.pool import DirectoryPool;"
        "DirectoryPool(Path(sys.argv[1])).receive({'uuid': sys.argv[2]}, source=None, origin=None)"
    )
    with reachable_directory() as place:
        place.chmod(0o777)
        (place / "pool.json").write_text('{"group": 0}')
        (place / "pool.json").chmod(0o644)
        uuid = str(manifest_of("zvol-full")["uuid"])
        ended = run_as_nobody("-c", program, str(place), uuid)
        assert "pool.json gives files to group 0, and you are not in it" in ended.stderr
        assert {path.name for path in place.iterdir()} == {"pool.json"}


def test_no_group_has_this_number(bench: DirectoryBench) -> None:
    (bench.path / "pool.json").write_text(f'{{"group": {(1 << 32) - 1}}}')
    (bench.path / "pool.json").chmod(0o644)
    with pytest.raises(ConfigError, match="neither a name nor a number"):
        bench.install("zvol-embedded")


def test_what_is_open_keeps_its_path(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "below").mkdir()
    opened = os.open(tmp_path / "a", os.O_RDONLY | os.O_DIRECTORY)
    pinned = pinned_path(opened, tmp_path / "a")
    (tmp_path / "a").rename(tmp_path / "b")
    (tmp_path / "a").mkdir()
    for path, there in ((pinned, "b"), (f"{pinned}/below", "b/below"), (f"{pinned}/..", ".")):
        descriptor = open_directory(path)
        assert os.path.samestat(os.fstat(descriptor), (tmp_path / there).stat())
        os.close(descriptor)
    os.close(opened)
    assert pinned_path(opened, "/a/path") == "/a/path"  # it is not open any more


def test_images_without_proc(bench: DirectoryBench, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("pool", "sending", "partial"):
        monkeypatch.setattr(
            f"imgadm.pools.directory.{module}.pinned_path",
            lambda descriptor, path: os.fsdecode(path),
        )
    base = bench.install(CHAIN[0])
    bench.assert_disk(bench.install(CHAIN[1], base), CHAIN[1])
    bench.open().record(base, {**base.manifest, "name": "new"}, source=None)
    assert bench.installed(base.uuid).manifest["name"] == "new"
