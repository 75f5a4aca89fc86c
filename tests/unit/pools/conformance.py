"""The suite that every pool passes, written once against :mod:`imgadm.pools.base`.

A module of tests subclasses :class:`PoolConformance` and has a fixture ``bench`` that makes a
:class:`Bench` with an empty pool. Nothing here needs more than Python, pytest and that pool, so it
runs wherever the pool is.
"""

from __future__ import annotations

import hashlib
import lzma
import uuid
from abc import ABC, abstractmethod
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from imgadm import streams
from imgadm.base.errors import InternalError
from imgadm.pools.base import Pool
from imgadm.pools.images import InstalledImage
from imgadm.pools.reception import Reception
from imgadm.pools.relatives import ImageSnapshot
from imgadm.pools.sending import StoredStream

SAMPLES = Path(__file__).parents[2] / "data" / "zfs-streams"
CHAIN = ("zvol-full", "zvol-incr", "zvol-incr2")


@cache
def sample(name: str) -> bytes:
    return lzma.decompress((SAMPLES / f"{name}.zsend.xz").read_bytes())


def sent_guid(name: str) -> str:
    """The guid of the snapshot in a sample, from the record that it begins with."""
    return str(int.from_bytes(sample(name)[40:48], "little"))


def recorded_sha256(name: str) -> str:
    return (SAMPLES / f"{name}.raw.sha256").read_text().split()[0]


def manifest_of(name: str, origin: str | None = None) -> dict[str, Any]:
    kind = "zone-dataset" if name.startswith("fs-") else "zvol"
    manifest = {
        "v": 2,
        "uuid": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
        "name": name,
        "version": "1.0",
        "type": kind,
        "os": "linux",
    }
    return manifest if origin is None else {**manifest, "origin": origin}


class Bench(ABC):
    """A pool with nothing on it, and what a test must see of it from outside."""

    #: Whether the pool really stores what it receives.
    stores: bool = True

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch

    @abstractmethod
    def open(self) -> Pool:
        """The pool, as a process that has just started sees it."""

    @abstractmethod
    def names(self) -> set[str]:
        """Names of all that is on the pool, directly below its top."""

    @abstractmethod
    def disk(self, uuid: str) -> Path:
        """The disk of a zvol image, readable as a file."""

    @abstractmethod
    def leave_behind(self, uuid: str) -> None:
        """Put there what a process leaves that is killed while it receives the image."""

    def run(self, reception: Reception, stream: bytes) -> streams.Report:
        path = self.scratch / "stream"
        path.write_bytes(stream)
        stages = (streams.read_file(path), streams.decompress("none"), *reception.stages)
        return streams.run(*stages)

    def install(self, name: str, origin: InstalledImage | None = None) -> InstalledImage:
        """Receive a sample and return what the pool then says of it."""
        manifest = manifest_of(name, None if origin is None else origin.uuid)
        with self.open().receive(manifest, source="http://a.source", origin=origin) as reception:
            reception.commit(self.run(reception, sample(name)))
        return self.installed(manifest["uuid"])

    def installed(self, uuid: str) -> InstalledImage:
        image = self.open().get(uuid)
        assert image is not None
        return image

    def assert_disk(self, image: InstalledImage, name: str) -> None:
        if self.stores:
            with self.disk(image.uuid).open("rb") as file:
                assert hashlib.file_digest(file, "sha256").hexdigest() == recorded_sha256(name)


class PoolConformance:
    """Subclass it as ``Test...``."""

    def test_empty_pool(self, bench: Bench) -> None:
        pool = bench.open()
        pool.check()
        assert list(pool.images()) == []
        assert pool.get(manifest_of("zvol-full")["uuid"]) is None
        assert bench.names() == set()

    def test_space_is_told_in_bytes(self, bench: Bench) -> None:
        pool = bench.open()
        pool.check()
        available = pool.available()
        assert available is None or available > 1 << 20

    @pytest.mark.parametrize(
        ("stream", "disk"),
        [
            ("zvol-full", "zvol-full"),
            ("zvol-full-compressed", "zvol-full"),
            ("zvol-128k", "zvol-128k"),
            ("zvol-embedded", "zvol-embedded"),
        ],
    )
    def test_volume(self, stream: str, disk: str, bench: Bench) -> None:
        image = bench.install(stream)
        bench.assert_disk(image, disk)
        assert bench.names() == {image.uuid}

    def test_file_system(self, bench: Bench) -> None:
        base = bench.install("fs-full")
        child = bench.install("fs-incr", base)
        assert bench.names() == {base.uuid, child.uuid}

    def test_record_says_what_was_said(self, bench: Bench) -> None:
        image = bench.install("zvol-embedded")
        assert image.manifest == manifest_of("zvol-embedded")
        assert image.source == "http://a.source"
        assert image.pool == bench.open().name
        (listed,) = bench.open().images()
        assert (listed.manifest, listed.source) == (image.manifest, image.source)
        assert listed.clones == ()

    def test_record_without_a_source(self, bench: Bench) -> None:
        manifest = manifest_of("zvol-embedded")
        with bench.open().receive(manifest, source=None, origin=None) as reception:
            reception.commit(bench.run(reception, sample("zvol-embedded")))
        assert bench.installed(manifest["uuid"]).source is None

    def test_record_is_replaced(self, bench: Bench) -> None:
        image = bench.install("zvol-embedded")
        manifest = {**image.manifest, "description": "another"}
        bench.open().record(image, manifest, source="http://another.source")
        assert bench.installed(image.uuid) == replace(
            image, manifest=manifest, source="http://another.source"
        )
        bench.open().record(image, image.manifest, source=None)
        assert bench.installed(image.uuid) == replace(image, source=None)

    def test_snapshot_is_the_one_that_was_sent(self, bench: Bench) -> None:
        image = bench.install("zvol-embedded")
        final = ImageSnapshot(f"{image.pool}/{image.uuid}@final", sent_guid("zvol-embedded"))
        assert list(bench.open().snapshots(image)) == [final]
        with pytest.raises(InternalError, match="@nothing"):
            bench.open().name_final(image, f"{image.pool}/{image.uuid}@nothing")
        assert list(bench.open().snapshots(image)) == [final]

    def test_nothing_is_visible_before_the_commit(self, bench: Bench) -> None:
        manifest = manifest_of("zvol-embedded")
        with bench.open().receive(manifest, source=None, origin=None) as reception:
            report = bench.run(reception, sample("zvol-embedded"))
            assert bench.open().get(manifest["uuid"]) is None
            assert list(bench.open().images()) == []
            reception.commit(report)
            assert bench.open().get(manifest["uuid"]) is not None
        assert bench.names() == {manifest["uuid"]}

    def test_reception_that_is_not_committed_leaves_nothing(self, bench: Bench) -> None:
        manifest = manifest_of("zvol-embedded")
        with bench.open().receive(manifest, source=None, origin=None) as reception:
            bench.run(reception, sample("zvol-embedded"))
        assert bench.names() == set()
        bench.install("zvol-embedded")

    @pytest.mark.parametrize("length", [0, 100, 5000, -400])
    def test_stream_that_is_cut_leaves_nothing(self, length: int, bench: Bench) -> None:
        manifest = manifest_of("zvol-128k")
        with (
            pytest.raises((streams.StreamError, OSError)),
            bench.open().receive(manifest, source=None, origin=None) as reception,
        ):
            bench.run(reception, sample("zvol-128k")[:length])
        assert bench.open().get(manifest["uuid"]) is None
        assert bench.names() == set()

    def test_damaged_stream_leaves_nothing(self, bench: Bench) -> None:
        manifest = manifest_of("zvol-128k")
        stream = bytearray(sample("zvol-128k"))
        stream[len(stream) // 2] ^= 1
        with (
            pytest.raises((streams.StreamError, OSError)),
            bench.open().receive(manifest, source=None, origin=None) as reception,
        ):
            bench.run(reception, bytes(stream))
        assert bench.names() == set()

    def test_rolling_back_twice_and_after_the_commit_does_no_harm(self, bench: Bench) -> None:
        manifest = manifest_of("zvol-embedded")
        reception = bench.open().receive(manifest, source=None, origin=None)
        reception.roll_back()
        reception.roll_back()
        assert bench.names() == set()
        image = bench.install("zvol-embedded")
        with bench.open().receive(manifest_of("zvol-128k"), source=None, origin=None) as other:
            other.commit(bench.run(other, sample("zvol-128k")))
            other.roll_back()
        assert bench.names() == {image.uuid, manifest_of("zvol-128k")["uuid"]}

    def test_remains_of_a_dead_process_are_nobodys_image(self, bench: Bench) -> None:
        manifest = manifest_of("zvol-embedded")
        bench.leave_behind(manifest["uuid"])
        assert bench.names() != set()
        assert bench.open().get(manifest["uuid"]) is None
        assert list(bench.open().images()) == []

    def test_remains_of_a_dead_process_are_cleared_away(self, bench: Bench) -> None:
        uuid = manifest_of("zvol-embedded")["uuid"]
        bench.leave_behind(uuid)
        image = bench.install("zvol-embedded")
        bench.assert_disk(image, "zvol-embedded")
        assert bench.names() == {uuid}

    def test_chain(self, bench: Bench) -> None:
        base = bench.install(CHAIN[0])
        middle = bench.install(CHAIN[1], base)
        top = bench.install(CHAIN[2], middle)
        for image, name in zip((base, middle, top), CHAIN, strict=True):
            bench.assert_disk(image, name)
        pool = bench.open()
        clones = {image.uuid: image.clones for image in pool.images()}
        assert clones == {
            base.uuid: (f"{pool.name}/{middle.uuid}",),
            middle.uuid: (f"{pool.name}/{top.uuid}",),
            top.uuid: (),
        }
        assert pool.children(base.uuid).clones == clones[base.uuid]
        assert pool.children(base.uuid).snapshots == (f"{pool.name}/{base.uuid}@final",)
        assert pool.children(top.uuid).clones == ()

    def test_failed_child_does_not_touch_its_base(self, bench: Bench) -> None:
        base = bench.install(CHAIN[0])
        with (
            pytest.raises((streams.StreamError, OSError)),
            bench.open().receive(
                manifest_of(CHAIN[1], base.uuid), source=None, origin=base
            ) as reception,
        ):
            bench.run(reception, sample(CHAIN[1])[:-1000])
        assert bench.names() == {base.uuid}
        bench.assert_disk(base, CHAIN[0])

    def test_two_receptions_at_once(self, bench: Bench) -> None:
        first = bench.open().receive(manifest_of("zvol-128k"), source=None, origin=None)
        second = bench.open().receive(manifest_of("zvol-embedded"), source=None, origin=None)
        with first, second:
            report = bench.run(first, sample("zvol-128k"))
            second.commit(bench.run(second, sample("zvol-embedded")))
            first.commit(report)
        for name in ("zvol-128k", "zvol-embedded"):
            bench.assert_disk(bench.installed(manifest_of(name)["uuid"]), name)

    def test_delete(self, bench: Bench) -> None:
        base = bench.install(CHAIN[0])
        child = bench.install(CHAIN[1], base)
        bench.open().delete(child.uuid)
        assert bench.open().get(child.uuid) is None
        assert bench.open().children(base.uuid).clones == ()
        bench.assert_disk(base, CHAIN[0])
        bench.open().delete(base.uuid)
        assert list(bench.open().images()) == []
        assert bench.names() == set()

    def test_what_is_sent_can_be_received_again(self, bench: Bench) -> None:
        if not bench.stores:
            pytest.skip("this pool keeps no bytes that it could send")
        base = bench.install(CHAIN[0])
        child = bench.install(CHAIN[1], base)
        sent = [(image, sent_stream(bench.open(), image)) for image in (base, child)]
        bench.open().delete(child.uuid)
        bench.open().delete(base.uuid)
        origin = None
        for (image, stream), name in zip(sent, CHAIN, strict=False):
            with bench.open().receive(image.manifest, source=None, origin=origin) as reception:
                reception.commit(bench.run(reception, stream))
            origin = bench.installed(image.uuid)
            bench.assert_disk(origin, name)


def sent_stream(pool: Pool, image: InstalledImage) -> bytes:
    stream = pool.send(image)
    if isinstance(stream, StoredStream):
        with stream.file as file:
            return file.read()
    return b"".join(bytes(chunk) for chunk in stream.chunks)
