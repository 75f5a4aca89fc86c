"""The datasets that are images, their clones, and datasets that may be something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from imgadm.base.programs.completed import Completed
from imgadm.pools.zpool.discovery import COLUMNS, FoundImage, find_images
from imgadm.state.database import Database

IMAGE = "aaaaaaaa-0000-4000-8000-000000000001"
CHILD = "aaaaaaaa-0000-4000-8000-000000000002"
MACHINE = "bbbbbbbb-0000-4000-8000-000000000001"
BASE = f"zones/{IMAGE} zones/{IMAGE}@final"


def found(
    datasets: str,
    *,
    recorded: frozenset[str] = frozenset(),
    zones: frozenset[str] = frozenset(),
    received: frozenset[str] = frozenset(),
) -> list[FoundImage]:
    """What is found among datasets ``NAME[<ORIGIN][!IGNORE]``, made one second after the other.

    A tilde stands for a blank. The marks of those that are ``received`` came with streams.
    """
    lines = []
    for second, word in enumerate(datasets.split(), start=1):
        name, _, ignore = word.replace("~", " ").partition("!")
        name, _, origin = name.partition("<")
        mountpoint = f"/{name}"
        values = {"name": name, "origin": origin or "-", "mountpoint": mountpoint}
        values |= {"imgadm:ignore": ignore or "-", "creation": str(second)}
        lines.append("\t".join(values[column] for column in COLUMNS.split(",")))
    listing = Completed(("zfs",), 0, "".join(f"{line}\n" for line in lines), "")

    def is_recorded(pool: str, uuid: str) -> bool:
        return f"{pool}/{uuid}" in recorded

    return find_images(listing, zones, is_recorded, lambda _: None, received.__contains__)


@pytest.mark.parametrize(
    ("machine", "clone"),
    [
        (f"zones/{MACHINE}<zones/{IMAGE}@final", f"zones/{MACHINE}"),
        (f"zones/{MACHINE}<zones/{IMAGE}@dataset", f"zones/{MACHINE}"),
        (f"zones/{MACHINE}-disk0<zones/{IMAGE}@final", f"zones/{MACHINE}-disk0"),
        (f"zones/{MACHINE}/disk0<zones/{IMAGE}@final", f"zones/{MACHINE}/disk0"),
        (f"zones/{MACHINE}/disk12<zones/{IMAGE}@other", f"zones/{MACHINE}/disk12"),
        (f"zones/{MACHINE}/a/b<zones/{IMAGE}@final", f"zones/{MACHINE}/a/b"),
        (f"zones/{CHILD}-partial<zones/{IMAGE}@final", f"zones/{CHILD}-partial"),
        (f"zones/scratch<zones/{IMAGE}@final", "zones/scratch"),
        (f"zones/scratch<zones/{IMAGE}/data@snap", "zones/scratch"),
        (f"zones/scratch<zones/{IMAGE}@final!true", "zones/scratch"),
    ],
)
def test_every_dataset_cloned_from_an_image_counts(machine: str, clone: str) -> None:
    (image,) = found(f"zones {BASE} {machine}")
    assert (image.uuid, image.clones) == (IMAGE, (clone,))


@pytest.mark.parametrize("pool", ["zones", "tank2", "a.b_c-d:e", "new~pool"])
def test_pools_of_any_name(pool: str) -> None:
    (image,) = found(f"{pool}/{IMAGE} {pool}/{IMAGE}@final {pool}/x<{pool}/{IMAGE}@final")
    name = pool.replace("~", " ")
    assert (image.pool, image.clones) == (name, (f"{name}/x",))


def test_a_chain_of_images() -> None:
    images = found(f"{BASE} zones/{CHILD}<zones/{IMAGE}@final zones/{CHILD}@final")
    assert [(image.uuid, image.clones, image.created) for image in images] == [
        (IMAGE, (f"zones/{CHILD}",), 1),
        (CHILD, (), 3),
    ]
    assert not any(image.doubtful for image in images)


@pytest.mark.parametrize(
    ("datasets", "doubtful"),
    [
        (f"zones/{IMAGE}", True),
        (f"zones/{IMAGE} zones/{IMAGE}@daily", True),
        (f"zones/{IMAGE} zones/{IMAGE}@final", False),
        (f"zones/{IMAGE} zones/{IMAGE}@final zones/{IMAGE}/data", True),
        (f"zones/{IMAGE} zones/{IMAGE}@final zones/{IMAGE}/disk0", True),
        (f"zones/{IMAGE} zones/{IMAGE}-disk0<zones/{CHILD}@final", True),
        (f"zones/{IMAGE}!maybe zones/{IMAGE}@final", False),
    ],
)
def test_datasets_that_may_be_something_else_are_doubtful(datasets: str, doubtful: bool) -> None:
    (image,) = found(datasets)
    assert image.doubtful is doubtful


@pytest.mark.parametrize(
    "datasets",
    [
        f"zones/{MACHINE}<zones/{IMAGE}@final",
        f"zones/{MACHINE}<zones/{IMAGE}@dataset zones/{MACHINE}@daily",
        f"zones/{MACHINE} zones/{MACHINE}/disk0<zones/{IMAGE}@final",
        f"zones/{IMAGE}!true zones/{IMAGE}@final",
        f"zones/{IMAGE}!yes zones/{IMAGE}@final",
        f"zones/{IMAGE}-partial zones/{IMAGE}-partial@final",
        f"zones/sub/{IMAGE} zones/sub/{IMAGE}@final",
    ],
)
def test_datasets_that_are_no_images(datasets: str) -> None:
    assert found(datasets) == []


def test_the_root_of_a_zone_is_no_image_wherever_it_is_mounted() -> None:
    machine = f"zones/{MACHINE} zones/{MACHINE}@final"
    assert found(machine, zones=frozenset({f"/zones/{MACHINE}"})) == []
    assert found(machine, zones=frozenset({f"/elsewhere/{MACHINE}"})) == []
    assert len(found(machine, zones=frozenset({"/", f"/zones/{IMAGE}"}))) == 1


def test_a_record_says_that_it_is_an_image() -> None:
    unnamed = f"zones/{CHILD}<zones/{IMAGE}@dataset zones/{CHILD}@dataset"
    assert found(unnamed) == []
    (image,) = found(unnamed, recorded=frozenset({f"zones/{CHILD}"}))
    assert (image.uuid, image.doubtful) == (CHILD, False)


def test_records_are_found_by_pool_and_uuid(tmp_path: Path) -> None:
    database = Database(tmp_path / "images")
    assert list(database.names()) == []
    for pool, uuid in (("zones", CHILD), ("my-pool2", IMAGE), ("zones", IMAGE)):
        database.write(pool, {"uuid": uuid}, None)
    (tmp_path / "images" / "notes.json").touch()
    assert list(database.names()) == [("my-pool2", IMAGE), ("zones", IMAGE), ("zones", CHILD)]
    assert database.has("zones", CHILD)
    assert not database.has("tank", CHILD)


@pytest.mark.parametrize(
    ("recorded", "received", "is_listed"),
    [(True, True, True), (True, False, False), (False, True, False), (False, False, False)],
    ids=["hidden by its stream", "hidden by the operator", "nobody's", "nobody's, hidden by hand"],
)
def test_a_stream_does_not_hide_the_image_that_it_brought(
    recorded: bool, received: bool, is_listed: bool
) -> None:
    names = frozenset({f"zones/{IMAGE}"})
    images = found(
        f"zones zones/{IMAGE}!true zones/{IMAGE}@final",
        recorded=names if recorded else frozenset(),
        received=names if received else frozenset(),
    )
    assert [image.uuid for image in images] == [IMAGE] * is_listed
