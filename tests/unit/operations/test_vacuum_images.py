"""Removal of unused images: what has changed since they were found, and what fails."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from imgadm.base.errors import InternalError
from imgadm.base.locks.command_locks import Locks
from imgadm.base.locks.locks import image_lock
from imgadm.operations.events.event import Event, LockAwaited
from imgadm.operations.events.upkeep import ImageKept, ImageRemoved, RemovalFailed
from imgadm.operations.upkeep.vacuum_images import (
    Candidate,
    find_orphans,
    find_unused,
    remove_images,
    remove_records,
)
from imgadm.pools.images import InstalledImage
from tests.unit.pools.conformance import CHAIN
from tests.unit.pools.zpool.test_zfs import EmulatedBench

Remove = Callable[[Sequence[Candidate], Locks, Callable[[Event], None]], None]


@pytest.fixture
def zones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EmulatedBench:
    return EmulatedBench(tmp_path, monkeypatch)


def chain(zones: EmulatedBench) -> list[InstalledImage]:
    base = zones.install(CHAIN[0])
    return [base, zones.install(CHAIN[1], base)]


def unused(zones: EmulatedBench) -> list[Candidate]:
    return find_unused([zones.open()])


def removed(zones: EmulatedBench, candidates: list[Candidate], remove: Remove) -> list[Event]:
    """Remove the candidates and return what happens."""
    happened: list[Event] = []
    options = Locks(zones.scratch / "locks", "imgadm vacuum")
    remove(candidates, options, happened.append)
    return happened


def records(zones: EmulatedBench) -> set[str]:
    return {path.name for path in (zones.scratch / "images").iterdir()}


def test_a_chain_goes_with_its_records(zones: EmulatedBench) -> None:
    base, child = chain(zones)
    happened = removed(zones, unused(zones), remove_images)
    assert [(type(event), event.image.uuid) for event in happened] == [
        (ImageRemoved, child.uuid),
        (ImageRemoved, base.uuid),
    ]
    assert (zones.names(), records(zones)) == (set(), set())


@pytest.mark.parametrize(
    "layout",
    ["aaaaaaaa-1111-4111-8111-000000000001", "machine-disk0", "machine/disk0", "a/deep/one"],
)
def test_a_machine_made_meanwhile_keeps_its_image_and_what_that_is_based_on(
    layout: str, zones: EmulatedBench
) -> None:
    base, child = chain(zones)
    candidates = unused(zones)
    parent = ""
    for step in layout.split("/")[:-1]:
        parent += f"/{step}"
        zones.run_zfs("create", f"zones{parent}")
    zones.run_zfs("clone", f"zones/{child.uuid}@final", f"zones/{layout}")
    happened = removed(zones, candidates, remove_images)
    assert [(type(event), event.image.uuid) for event in happened] == [
        (ImageKept, child.uuid),
        (ImageKept, base.uuid),
    ]
    assert isinstance(happened[0], ImageKept)
    assert happened[0].reason == f"zones/{layout} is based on it by now"
    assert {base.uuid, child.uuid} <= zones.names()
    assert zones.calls("destroy") == []


def test_an_image_that_was_meant_to_go_is_looked_at_again(zones: EmulatedBench) -> None:
    gone, ignored, filled = (
        zones.install(name) for name in ("zvol-full", "zvol-128k", "zvol-embedded")
    )
    candidates = unused(zones)
    assert len(candidates) == 3
    zones.run_zfs("destroy", "-r", f"zones/{gone.uuid}")
    zones.run_zfs("set", "imgadm:ignore=true", f"zones/{ignored.uuid}")
    zones.run_zfs("create", f"zones/{filled.uuid}/data")
    happened = removed(zones, candidates, remove_images)
    assert [(type(event), event.image.uuid) for event in happened] == [(ImageKept, filled.uuid)]
    assert zones.names() == {ignored.uuid, filled.uuid}


def test_an_image_kept_keeps_what_its_record_says_it_is_based_on(zones: EmulatedBench) -> None:
    base, other = zones.install("zvol-full"), zones.install("zvol-128k")
    record = zones.scratch / "images" / f"zones-{other.uuid}.json"
    document = json.loads(record.read_text())
    document["manifest"]["origin"] = base.uuid
    record.write_text(json.dumps(document))
    candidates = unused(zones)
    assert [candidate.image.uuid for candidate in candidates] == [other.uuid, base.uuid]
    zones.run_zfs("clone", f"zones/{other.uuid}@final", "zones/machine")
    happened = removed(zones, candidates, remove_images)
    assert [type(event) for event in happened] == [ImageKept, ImageKept]
    assert zones.names() == {base.uuid, other.uuid, "machine"}


def test_the_first_failure_ends_it(zones: EmulatedBench) -> None:
    base, child = chain(zones)
    zones.fail_on("destroy")
    happened: list[Event] = []
    options = Locks(zones.scratch / "locks", "imgadm vacuum")
    with pytest.raises(InternalError, match=f'error deleting image "{child.uuid}"') as caught:
        remove_images(unused(zones), options, happened.append)
    (failed,) = happened
    assert isinstance(failed, RemovalFailed)
    assert (failed.image.uuid, failed.error) == (child.uuid, caught.value)
    assert zones.names() == {base.uuid, child.uuid}
    assert len(records(zones)) == 2


def test_who_works_on_an_image_is_waited_for(
    zones: EmulatedBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgadm.base.locks.file_lock.PATIENCE", 0.01)
    image = zones.install("zvol-128k")
    locks = zones.scratch / "locks"
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with image_lock(locks, image.uuid, command="imgadm import"):
            held.set()
            let_go.wait(30)

    happened: list[Event] = []

    def on_event(event: Event) -> None:
        happened.append(event)
        if isinstance(event, LockAwaited):
            assert zones.names() == {image.uuid}
            let_go.set()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(30)
    remove_images(unused(zones), Locks(locks, "imgadm vacuum"), on_event)
    holder.join()
    assert [type(event) for event in happened] == [LockAwaited, ImageRemoved]
    assert zones.names() == set()


def test_age_and_exclusion(zones: EmulatedBench) -> None:
    base, child = chain(zones)
    (came, child_came) = (zones.installed(image.uuid).created for image in (base, child))
    assert came is not None
    assert child_came is not None

    def found(age: int, now: int, *excluded: str) -> list[str]:
        candidates = find_unused(
            [zones.open()], age=age, now=lambda: float(now), excluded=frozenset(excluded)
        )
        return [candidate.image.uuid for candidate in candidates]

    assert found(100, child_came + 99) == []
    assert found(100, child_came + 100) == [child.uuid, base.uuid]
    assert found(100, child_came + 100, base.uuid) == [child.uuid]
    assert found(100, child_came + 100, child.uuid) == []


def test_records_of_images_that_are_gone(zones: EmulatedBench) -> None:
    base, child = chain(zones)
    zones.open().delete(child.uuid)
    database = zones.scratch / "images"
    for pool in ("zones", "exported"):
        manifest = {"uuid": child.uuid, "name": "gone"}
        (database / f"{pool}-{child.uuid}.json").write_text(json.dumps({"manifest": manifest}))
    pools = [zones.open()]
    (orphan,) = found = find_orphans(pools)
    assert orphan.image.manifest["name"] == "gone"
    assert find_orphans(pools, excluded=frozenset({child.uuid})) == []
    assert [type(event) for event in removed(zones, found, remove_records)] == [ImageRemoved]
    assert records(zones) == {f"zones-{base.uuid}.json", f"exported-{child.uuid}.json"}
    zones.name = "exported"
    assert find_orphans([zones.open()]) == []


def test_the_record_of_an_image_that_has_come_meanwhile_stays(zones: EmulatedBench) -> None:
    base, child = chain(zones)
    found = [Candidate(zones.open(), child)]
    assert removed(zones, found, remove_records) == []
    assert len(records(zones)) == 2
    assert zones.names() == {base.uuid, child.uuid}
