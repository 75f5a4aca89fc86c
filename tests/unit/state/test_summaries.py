"""What lists show of many records, without reading them: always what the records say now."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from imgadm.pools.directory.pool import DirectoryPool
from imgadm.pools.images import InstalledImage
from imgadm.state import summaries
from imgadm.state.database import Database
from imgadm.state.summaries import SUMMARY_FIELDS

UUIDS = [f"00000000-0000-4000-8000-{number:012d}" for number in range(6)]


def manifest(uuid: str, **fields: Any) -> dict[str, Any]:
    return {"v": 2, "uuid": uuid, "name": "base", "version": None, "files": [{}], **fields}


class Pools:
    """A directory pool and the records of a zpool, of the same images; both write down the same.

    ``read`` counts the records that were read.
    """

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory = directory
        self.read: list[str] = []
        self.warnings: list[str] = []
        self.records = {uuid: self._paths(uuid) for uuid in UUIDS}
        for reader in (
            "imgadm.pools.directory.record.read_small_file",
            "imgadm.state.database.read_or_none",
        ):
            self._count(reader, monkeypatch)
        for number, uuid in enumerate(UUIDS):
            self.write(manifest(uuid, origin=UUIDS[0], version=str(number)))

    def _paths(self, uuid: str) -> tuple[Path, Path]:
        pool, images = self.directory / "pool" / uuid, self.directory / "images"
        for made in (pool, images):
            made.mkdir(parents=True, exist_ok=True)
        return pool / "image.json", images / f"zones-{uuid}.json"

    def _count(self, reader: str, monkeypatch: pytest.MonkeyPatch) -> None:
        module, _, name = reader.rpartition(".")
        real = getattr(__import__(module, fromlist=[name]), name)

        def counting(path: str, **how: bool) -> Any:
            self.read.append(path)
            return real(path, **how)

        monkeypatch.setattr(reader, counting)

    def write(self, image: dict[str, Any], source: str = "http://s") -> None:
        """Write both records as the first imgadm does: in place, without a word to anybody."""
        for path in self.records[image["uuid"]]:
            path.write_text(json.dumps({"manifest": image, "zpool": "zones", "source": source}))

    def list(self, fields: frozenset[str] | None = frozenset({"name"})) -> list[InstalledImage]:
        """What both list, which is the same; ``read`` starts anew."""
        self.read.clear()
        cache = self.directory / "cache"
        pool = DirectoryPool(self.directory / "pool", cache)
        listed = list(pool.images() if fields is None else pool.summaries(fields))
        database = Database(
            self.directory / "images", warn=self.warnings.append, cache_directory=cache
        )
        if fields is not None and fields <= SUMMARY_FIELDS:
            for image, summary in zip(listed, database.summaries("zones", UUIDS), strict=True):
                shown = {
                    name: image.manifest[name] for name in SUMMARY_FIELDS if name in image.manifest
                }
                known = {"uuid": image.uuid} if summary is None else summary.manifest
                assert shown == {name: known[name] for name in SUMMARY_FIELDS if name in known}
                assert image.source == (None if summary is None else summary.source)
        return listed

    def wait_until_settled(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make everything seem to have been written long ago."""
        now = time.time_ns() + 10**10
        monkeypatch.setattr(summaries.time, "time_ns", lambda: now)


@pytest.fixture
def pools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pools:
    monkeypatch.setattr(summaries, "WORTHWHILE", 3)
    return Pools(tmp_path, monkeypatch)


def test_records_are_read_once(pools: Pools, monkeypatch: pytest.MonkeyPatch) -> None:
    pools.wait_until_settled(monkeypatch)
    first = pools.list()
    assert len(pools.read) == 2 * len(UUIDS)
    second = pools.list()
    assert pools.read == []
    for one, other in zip(first, second, strict=True):
        assert (one.source, one.clones, one.pool) == (other.source, other.clones, other.pool)
    assert [image.manifest["version"] for image in second] == list("012345")
    assert len(second[0].clones or ()) == len(UUIDS)


def test_what_is_not_summed_up_is_read(pools: Pools, monkeypatch: pytest.MonkeyPatch) -> None:
    pools.wait_until_settled(monkeypatch)
    pools.list()
    for fields in (None, frozenset({"name", "files"})):
        assert all(image.manifest["files"] == [{}] for image in pools.list(fields))
        assert len(pools.read) == len(UUIDS)


def test_what_others_write_is_seen(pools: Pools, monkeypatch: pytest.MonkeyPatch) -> None:
    pools.wait_until_settled(monkeypatch)
    pools.list()
    before = [os.stat(path) for path in pools.records[UUIDS[1]]]
    pools.write(manifest(UUIDS[1], name="same", origin=UUIDS[0], version="1"))
    for path, status in zip(pools.records[UUIDS[1]], before, strict=True):
        assert path.stat().st_size == status.st_size
        while True:
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
            if path.stat().st_ctime_ns != status.st_ctime_ns:
                break
    replaced = manifest(UUIDS[2], name="gone")
    for path in pools.records[UUIDS[2]]:
        path.unlink()
        (path.parent / "new").write_text(json.dumps({"manifest": replaced, "zpool": "zones"}))
        (path.parent / "new").rename(path)
    for path in pools.records[UUIDS[3]]:
        path.unlink()
    listed = pools.list()
    assert [image.manifest.get("name") for image in listed] == [
        *("base", "same", "gone", None, "base", "base")
    ]
    assert (listed[2].source, listed[3].source, listed[4].source) == (None, None, "http://s")
    assert pools.list()[1].manifest["name"] == "same"


def test_what_was_just_written_is_not_trusted_to_stay(pools: Pools) -> None:
    pools.list()
    pools.list()
    assert len(pools.read) == 2 * len(UUIDS)
    assert not (pools.directory / "cache").exists()


def test_a_damaged_record_is_named_every_time(
    pools: Pools, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools.wait_until_settled(monkeypatch)
    for path in pools.records[UUIDS[4]]:
        path.write_text("{bad")
    for times in (1, 2):
        assert pools.list()[4].manifest == {"uuid": UUIDS[4]}
        assert len(pools.warnings) == times
    assert len(pools.read) == 2


def test_a_few_changes_are_read_without_writing_all_down(
    pools: Pools, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools.wait_until_settled(monkeypatch)
    monkeypatch.setattr(summaries, "_SHARE_OF_CHANGES", 3)
    pools.list()
    pools.write(manifest(UUIDS[0], name="a"))
    kept = {path: path.read_bytes() for path in (pools.directory / "cache").iterdir()}
    pools.list()
    assert {path: path.read_bytes() for path in kept} == kept
    pools.write(manifest(UUIDS[1], name="b"))
    pools.write(manifest(UUIDS[2], name="c"))
    pools.list()
    assert pools.list()[2].manifest["name"] == "c"
    assert pools.read == []


@pytest.mark.parametrize("obstacle", ["a file", "damage", "another version"])
def test_what_cannot_be_kept_is_read(
    pools: Pools, monkeypatch: pytest.MonkeyPatch, obstacle: str
) -> None:
    pools.wait_until_settled(monkeypatch)
    cache = pools.directory / "cache"
    if obstacle == "a file":
        cache.write_bytes(b"")
    else:
        pools.list()
        for path in cache.iterdir():
            content = path.read_bytes()
            changed = content.replace(b"summaries-2", b"summaries-0", 1)
            path.write_bytes(content[:-9] if obstacle == "damage" else changed)
    assert [image.manifest["name"] for image in pools.list()] == ["base"] * len(UUIDS)
    assert len(pools.read) == 2 * len(UUIDS)


def test_zpools_do_not_get_in_each_others_way(
    pools: Pools, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools.wait_until_settled(monkeypatch)
    images = pools.directory / "images"
    for uuid in UUIDS:
        record = {"manifest": manifest(uuid, name="other"), "zpool": "tank"}
        (images / f"tank-{uuid}.json").write_text(json.dumps(record))
    database = Database(images, cache_directory=pools.directory / "cache")
    for _ in range(2):
        pools.read.clear()
        found = [database.summaries(pool, UUIDS) for pool in ("zones", "tank")]
    assert pools.read == []
    names = [{summary.manifest["name"] for summary in known if summary} for known in found]
    assert names == [{"base"}, {"other"}]


def test_few_records_are_just_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pools = Pools(tmp_path, monkeypatch)
    pools.wait_until_settled(monkeypatch)
    pools.list()
    assert not (tmp_path / "cache").exists()
