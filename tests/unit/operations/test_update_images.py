"""What happens to images between the plan of an update and the lock for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from imgadm.base.errors import MultiError
from imgadm.base.locks.command_locks import Locks
from imgadm.operations.errors import ImageNotInstalledError
from imgadm.operations.events.event import Event
from imgadm.operations.events.upkeep import ManifestAdded
from imgadm.operations.upkeep.update_images import UpdateOptions, update_images
from imgadm.pools.directory.pool import DirectoryPool
from imgadm.pools.images import InstalledImage
from imgadm.sources import SourceError
from tests.unit.canned_source import Canned, manifest_of

FIRST = "aaaaaaaa-0000-4000-8000-000000000001"
SECOND = "aaaaaaaa-0000-4000-8000-000000000002"
SOURCE = Canned("http://a.source", manifest_of)


class ChangingPool(DirectoryPool):
    """Another process deletes the first image, or updates it, before it can be locked."""

    deletes = False

    def images(self) -> list[InstalledImage]:
        found = list(super().images())
        if self.deletes:
            self.delete(FIRST)
        else:
            self.record(found[0], manifest_of(FIRST), source="http://another.source")
        return found


@pytest.fixture
def pool(tmp_path: Path) -> ChangingPool:
    for uuid in (FIRST, SECOND):
        (tmp_path / "pool" / uuid).mkdir(parents=True)
    return ChangingPool(tmp_path / "pool")


def update(pool: ChangingPool) -> list[Event]:
    notices: list[Event] = []
    options = UpdateOptions(Locks(pool.path.parent / "locks", "imgadm update"))
    try:
        update_images([pool], [], lambda: [SOURCE], options, notices.append)
    finally:
        second = pool.get(SECOND)
        assert second is not None
        assert (second.manifest, second.source) == (manifest_of(SECOND), SOURCE.url)
    return notices


def test_deleted_image_gets_no_record(pool: ChangingPool) -> None:
    pool.deletes = True
    with pytest.raises(ImageNotInstalledError):
        update(pool)
    assert [path.name for path in pool.path.iterdir()] == [SECOND]


def test_failure_of_a_source_is_told_once_with_the_images(pool: ChangingPool) -> None:
    def fail(uuid: str) -> None:
        reason = f"image {uuid} is odd" if uuid == FIRST else "server is sad"
        image = uuid if uuid == FIRST else None
        raise SourceError("http://sad", reason, code="InternalError", image=image)

    options = UpdateOptions(Locks(pool.path.parent / "locks", "imgadm update"))
    with pytest.raises(MultiError) as caught:
        update_images([pool], [], lambda: [Canned("http://sad", fail)], options, lambda _: None)
    assert [error.message for error in caught.value.errors] == [
        f"http://sad: image {FIRST} is odd",
        f"http://sad: server is sad; not updated: {SECOND}",
    ]


def test_image_that_was_updated_meanwhile_is_left_alone(pool: ChangingPool) -> None:
    assert update(pool) == [ManifestAdded(SECOND, SOURCE.url)]
    first = pool.get(FIRST)
    assert first is not None
    assert first.source == "http://another.source"
