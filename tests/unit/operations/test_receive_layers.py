"""Images of layers into a directory pool: from where they come to how they lie there."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import resource
import threading
from pathlib import Path

import pytest
import zstandard

from imgadm import streams
from imgadm.base.errors import FileSystemError, ImgadmError
from imgadm.operations.errors import DownloadError, LayerNotVerifiedError, UncompressionError
from imgadm.operations.events.event import Event, Transferring
from imgadm.operations.events.importing import FileVerified, ImageInstalled, LayerInstalled
from imgadm.operations.importing.receive_layers import receive_layers
from imgadm.pools.directory.pool import DirectoryPool
from imgadm.pools.images import InstalledImage

from .layers_on_the_way import Chain, archive, files_below

THREE = (
    {"etc/": b"", "etc/a": b"a", "etc/b": b"b", "opt/": b"", "opt/x": b"x"},
    {"etc/.wh.a": b"", "etc/c": b"c" * 100_000},
    {"opt/": b"", "opt/.wh..wh..opq": b"", "opt/y": b"y"},
)
FLAT = {"etc/b": b"b", "etc/c": b"c" * 100_000, "opt/y": b"y"}


class Bench:
    """A directory pool, and what is told while layers come into it."""

    def __init__(self, directory: Path) -> None:
        self.pool = DirectoryPool(directory / "pool")
        self.pool.check()
        self.sources = directory / "sources"
        self.sources.mkdir()
        self.events: list[Event] = []

    def chain(self, *contents: dict[str, bytes], name: str = "test") -> Chain:
        return Chain(self.sources, contents, name)

    def receive(self, chain: Chain, base: str | None = None, first: int = 0) -> None:
        receive_layers(
            self.pool,
            chain.incoming(first),
            source="http://a.registry",
            base=None if base is None else self.get(base),
            on_event=self.events.append,
        )

    def get(self, uuid: str) -> InstalledImage:
        image = self.pool.get(uuid)
        assert image is not None
        return image

    def names(self) -> set[str]:
        return {path.name for path in self.pool.path.iterdir()}

    def inside(self, uuid: str) -> set[str]:
        names = {path.name for path in (self.pool.path / uuid).iterdir()}
        return names - {"owners.jsonl"}  # of an ordinary user

    def root(self, uuid: str) -> dict[str, bytes]:
        return files_below(self.pool.path / uuid / "root")

    def told(self, kind: type[Event]) -> list[str]:
        return [event.image.uuid for event in self.events if isinstance(event, kind)]  # type: ignore[attr-defined]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_image_that_was_asked_for_has_a_root_and_those_below_it_their_layers(bench: Bench) -> None:
    chain = bench.chain(*THREE)
    bench.receive(chain)
    assert bench.names() == set(chain.uuids)
    assert bench.root(chain.uuids[2]) == FLAT
    assert [bench.inside(uuid) for uuid in chain.uuids] == [
        {"image.json", "layer"},
        {"image.json", "layer"},
        {"image.json", "layer", "root"},
    ]
    for uuid, blob in zip(chain.uuids, chain.blobs, strict=True):
        assert (bench.pool.path / uuid / "layer").read_bytes() == blob
    assert [bench.pool.lacks_root(bench.get(uuid)) for uuid in chain.uuids] == [True, True, False]


def test_records_and_lists(bench: Bench) -> None:
    chain = bench.chain(*THREE)
    bench.receive(chain)
    for number, uuid in enumerate(chain.uuids):
        image = bench.get(uuid)
        assert image.manifest == chain.manifests[number].raw
        assert (image.source, image.doubtful) == ("http://a.registry", False)
        assert image.extra["layer"] == {
            "digest": chain.digests[number],
            "size": len(chain.blobs[number]),
            "compression": "gzip",
            "diff_id": "sha256:" + hashlib.sha256(chain.archives[number]).hexdigest(),
        }
    clones = {image.uuid: len(image.clones or ()) for image in bench.pool.images()}
    assert clones == dict(zip(chain.uuids, (1, 1, 0), strict=True))


def test_events(bench: Bench) -> None:
    chain = bench.chain(*THREE)
    bench.receive(chain)
    assert sorted(bench.told(FileVerified)) == sorted(chain.uuids)
    assert bench.told(LayerInstalled) == chain.uuids[:2]
    assert bench.told(ImageInstalled) == chain.uuids[2:]
    assert set(bench.told(Transferring)) == {chain.uuids[2]}
    done = bench.events[-1]
    assert isinstance(done, ImageInstalled)
    assert done.report.bytes_in == done.report.total == sum(map(len, chain.blobs))
    assert done.report.progress == done.report.total
    shown = [event.report for event in bench.events if isinstance(event, Transferring)]
    assert all(report.progress <= (report.total or 0) for report in shown)
    assert done.report.bytes_out == sum(map(len, chain.archives))
    names = [stage.name for stage in done.report.stages]
    assert names == [
        *("read", "checksum", "write"),
        *("read", "decompress", "checksum", "unpack"),
    ]


def test_image_on_an_installed_base_fetches_only_what_is_new(bench: Bench) -> None:
    base, child = bench.chain(*THREE[:2], name="base"), bench.chain(*THREE, name="child")
    bench.receive(base)
    bench.receive(child, base.uuids[1], first=2)
    assert (base.fetched, child.fetched) == ([0, 1], [2])
    assert bench.root(child.uuids[2]) == FLAT
    assert bench.root(base.uuids[1]) == {"etc/b": b"b", "etc/c": b"c" * 100_000, "opt/x": b"x"}
    done = bench.events[-1]
    assert isinstance(done, ImageInstalled)
    assert done.report.progress == done.report.total == len(child.blobs[2])
    assert done.report.bytes_out == sum(map(len, child.archives))


def test_what_somebody_did_to_a_root_is_not_in_images_based_on_it(bench: Bench) -> None:
    base, child = bench.chain(*THREE[:2], name="base"), bench.chain(*THREE, name="child")
    bench.receive(base)
    (bench.pool.path / base.uuids[1] / "root" / "etc" / "b").write_bytes(b"edited")
    bench.receive(child, base.uuids[1], first=2)
    assert bench.root(child.uuids[2]) == FLAT


def test_blob_of_several_layers_is_fetched_once(bench: Bench) -> None:
    again = {"etc/": b"", "etc/a": b"a"}
    chain = bench.chain(again, {"etc/.wh.a": b""}, again)
    bench.receive(chain)
    assert chain.fetched == [0, 1]
    assert bench.root(chain.uuids[2]) == {"etc/a": b"a"}
    for number, uuid in enumerate(chain.uuids):
        layer = bench.pool.path / uuid / "layer"
        assert layer.read_bytes() == chain.blobs[number]
        assert layer.stat().st_nlink == 1


def test_blob_that_another_image_on_the_pool_has_is_not_fetched(bench: Bench) -> None:
    first = bench.chain(THREE[0], THREE[1], name="first")
    other = bench.chain(THREE[1], name="other")
    bench.receive(first)
    bench.receive(other)
    assert other.fetched == []
    assert bench.root(other.uuids[0]) == {"etc/c": b"c" * 100_000}


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda blob: blob[:-9] + b"damaged!!", DownloadError, "file checksum (sha256) error"),
        (lambda blob: blob[:-1], DownloadError, "file size error"),
        (lambda blob: blob + b"x", DownloadError, "file size error"),
        (lambda _: b"", DownloadError, "file size error"),
    ],
    ids=["damaged", "short", "long", "empty"],
)
@pytest.mark.parametrize("number", [0, 1, 2])
def test_layer_that_is_not_what_was_promised(
    spoil, error: type[ImgadmError], message: str, number: int, bench: Bench
) -> None:
    chain = bench.chain(*THREE)
    chain.stored[number] = spoil(chain.blobs[number])
    with pytest.raises(error) as caught:
        bench.receive(chain)
    assert f"image {chain.uuids[number]} {message}" in caught.value.message
    # Those below it may have been complete by then.
    assert bench.names() <= set(chain.uuids[:number])


def truthfully_bad(bench: Bench, blob: bytes, archive_inside: bytes) -> Chain:
    """Two layers, of which the second is as bad as its digest says."""
    chain = bench.chain(THREE[0], {"x": b"x"})
    chain.blobs[1], chain.archives[1] = blob, archive_inside
    chain.digests[1] = "sha256:" + hashlib.sha256(blob).hexdigest()
    return chain


GOOD = archive({"x": b"x" * 1000})


@pytest.mark.parametrize(
    ("blob", "inside", "message"),
    [
        (gzip.compress(GOOD) + b"garbage!", GOOD, "something follows the end of the gzip data"),
        (gzip.compress(GOOD)[:-20], GOOD, "gzip uncompression error"),
        (gzip.compress(GOOD), GOOD[:-512], "holds other files than its configuration says"),
        (gzip.compress(b"no archive " * 100), b"no archive " * 100, "cannot be unpacked"),
        (gzip.compress(GOOD[:700]), GOOD[:700], "cannot be unpacked"),
        (gzip.compress(archive({"../x": b""})), archive({"../x": b""}), "cannot be unpacked"),
    ],
    ids=["trailing", "cut", "other", "no archive", "cut inside", "hostile"],
)
def test_layer_that_is_bad_in_itself(
    blob: bytes, inside: bytes, message: str, bench: Bench
) -> None:
    chain = truthfully_bad(bench, blob, inside)
    with pytest.raises(UncompressionError) as caught:
        bench.receive(chain)
    assert message in caught.value.message
    assert chain.uuids[1] in caught.value.message
    assert "\n" not in caught.value.message
    assert bench.names() == {chain.uuids[0]}
    assert bench.inside(chain.uuids[0]) == {"image.json", "layer"}


@pytest.mark.parametrize(
    ("blob", "compression"),
    [
        (GOOD, "none"),
        (bz2.compress(GOOD), "bzip2"),
        (lzma.compress(GOOD), "xz"),
        (zstandard.ZstdCompressor().compress(GOOD), "zstd"),
    ],
    ids=["none", "bzip2", "xz", "zstd"],
)
def test_first_bytes_tell_the_compression(blob: bytes, compression: str, bench: Bench) -> None:
    chain = truthfully_bad(bench, blob, GOOD)
    bench.receive(chain)
    assert bench.root(chain.uuids[1])["x"] == b"x" * 1000
    assert bench.get(chain.uuids[1]).extra["layer"]["compression"] == compression
    done = bench.events[-1]
    assert isinstance(done, ImageInstalled)
    (note,) = done.report.notes
    assert f"the layer of image {chain.uuids[1]} is called gzip data, but is " in note


@pytest.mark.parametrize("zeros", [1, 511, 100_000])
def test_zeros_behind_the_compressed_data(zeros: int, bench: Bench) -> None:
    chain = truthfully_bad(bench, gzip.compress(GOOD) + bytes(zeros), GOOD)
    bench.receive(chain)
    done = bench.events[-1]
    assert isinstance(done, ImageInstalled)
    assert done.report.notes == [f"ignored {zeros} bytes after the end of the gzip data"]


def test_bomb_is_refused_before_it_has_filled_the_disk(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = bench.chain(THREE[0], {"bomb": bytes(50 << 20)})
    monkeypatch.setattr(bench.pool, "available", lambda: 20 << 20)
    most = 0

    def look(_: Event) -> None:
        nonlocal most
        most = max(most, sum(p.stat().st_size for p in bench.pool.path.rglob("bomb")))

    with pytest.raises(FileSystemError, match="no space left for image") as caught:
        receive_layers(bench.pool, chain.incoming(), source=None, base=None, on_event=look)
    assert (caught.value.code, most) == ("ENOSPC", 0)
    assert bench.names() == {chain.uuids[0]}


def test_layer_of_no_bytes_changes_nothing(bench: Bench) -> None:
    """An archive may end with its entries; so one without entries may be nothing at all."""
    chain = truthfully_bad(bench, b"", b"")
    bench.receive(chain)
    assert bench.root(chain.uuids[1]) == {"etc/a": b"a", "etc/b": b"b", "opt/x": b"x"}


def test_kept_layer_that_was_damaged_is_named(bench: Bench) -> None:
    base, child = bench.chain(*THREE[:2], name="base"), bench.chain(*THREE, name="child")
    bench.receive(base)
    layer = bench.pool.path / base.uuids[0] / "layer"
    layer.write_bytes(base.blobs[0][:-1] + b"!")
    with pytest.raises(FileSystemError, match="is damaged") as caught:
        bench.receive(child, base.uuids[1], first=2)
    assert str(layer) in caught.value.message
    assert bench.names() == set(base.uuids)


OTHER = "11111111-1111-1111-1111-111111111111"


@pytest.mark.parametrize(
    "record", [f'{{"manifest": {{"uuid": "{OTHER}", "type": "zvol"}}}}', "damaged"]
)
def test_base_that_is_no_layer_is_refused(record: str, bench: Bench) -> None:
    chain = bench.chain(*THREE)
    (bench.pool.path / OTHER).mkdir()
    (bench.pool.path / OTHER / "image.json").write_text(record)
    with pytest.raises(LayerNotVerifiedError, match="is not recorded to hold the layer"):
        bench.receive(chain, OTHER)
    assert bench.names() == {OTHER}


def test_what_a_dead_process_left_goes(bench: Bench) -> None:
    chain = bench.chain(*THREE)
    for uuid in chain.uuids:
        (bench.pool.path / f"{uuid}.partial" / "root").mkdir(parents=True)
        (bench.pool.path / f"{uuid}.partial" / "root" / "old").touch()
    bench.receive(chain)
    assert bench.names() == set(chain.uuids)
    assert bench.root(chain.uuids[2]) == FLAT


class Blocked(streams.Stage):
    """A source that brings nothing until it is ended."""

    name = "fetch"
    role = "source"

    def __init__(self, begun: threading.Event) -> None:
        self._begun = begun

    def run(self, context: streams.Context, inlet: streams.Inlet, outlet: streams.Outlet) -> None:
        self._begun.set()
        context.cancel.wait(60)


def test_interruption_leaves_what_is_complete(bench: Bench) -> None:
    chain = bench.chain(*THREE)
    begun = threading.Event()

    def interrupt(event: Event) -> None:
        if isinstance(event, Transferring) and begun.is_set() and chain.uuids[0] in bench.names():
            raise KeyboardInterrupt

    layers = chain.incoming(wrap=lambda number, stage: Blocked(begun) if number == 1 else stage)
    with pytest.raises(KeyboardInterrupt):
        receive_layers(bench.pool, layers, source=None, base=None, on_event=interrupt)
    assert bench.names() == {chain.uuids[0]}
    assert [thread.name for thread in threading.enumerate() if "imgadm" in thread.name] == []


def test_failure_ends_what_is_still_coming(bench: Bench) -> None:
    chain = bench.chain(*THREE)
    chain.stored[2] = b"wrong"
    begun = threading.Event()
    layers = chain.incoming(wrap=lambda number, stage: Blocked(begun) if number == 0 else stage)
    with pytest.raises(DownloadError):
        receive_layers(bench.pool, layers, source=None, base=None, on_event=lambda _: None)
    assert bench.names() == set()
    assert [thread.name for thread in threading.enumerate() if "imgadm" in thread.name] == []


def test_damaged_copy_of_a_blob_is_named(bench: Bench) -> None:
    first = bench.chain(THREE[0], name="first")
    other = bench.chain({"x": b"x"}, THREE[0], name="other")
    bench.receive(first)
    layer = bench.pool.path / first.uuids[0] / "layer"
    layer.write_bytes(first.blobs[0][:-1] + b"!")
    with pytest.raises(FileSystemError, match="is damaged") as caught:
        bench.receive(other)
    assert str(layer) in caught.value.message
    assert bench.names() <= {first.uuids[0], other.uuids[0]}


@pytest.mark.parametrize("last", ["a", "../out"])
def test_deep_tree_where_few_files_may_be_open(last: str, bench: Bench) -> None:
    """As illumos sets it for every process. What is as deep must also go away again."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    try:
        chain = bench.chain({"a/" * 250 + "f": b"1"}, {"b/" * 250 + "f": b"2"}, {last: b"3"})
        if last == "a":
            bench.receive(chain)
            root = bench.pool.path / chain.uuids[-1] / "root"
            assert (root / "a").read_bytes() == b"3"
            resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
            bench.pool.delete(chain.uuids[-1])
        else:
            with pytest.raises(UncompressionError):
                bench.receive(chain)
        assert {path.name for path in bench.pool.path.iterdir()} == set(chain.uuids[:-1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_root_that_no_layer_describes_can_be_passed_by_all(bench: Bench) -> None:
    before = os.umask(0o077)
    try:
        chain = bench.chain({"etc/a": b"1"})
        bench.receive(chain)
    finally:
        os.umask(before)
    root = bench.pool.path / chain.uuids[0] / "root"
    assert [path.stat().st_mode & 0o777 for path in (root, root / "etc")] == [0o755, 0o755]
