"""Machines of every layout on an emulated host: what they are made from stays, and so do they."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from .cases import Case
from .outcome import Outcome
from .run import run
from .sources.server import Sources

NOTHING = Case("", "", (), (), {}, "true", "", False, Outcome("0"), (), ())


def uuid(kind: str, number: int) -> str:
    return f"{kind * 8}-0000-4000-8000-{number:012}"


def image(
    number: int, *, pool: str = "zones", kind: str = "filesystem", **more: Any
) -> list[dict[str, Any]]:
    """An image without a record, but with its snapshot."""
    name = f"{pool}/{uuid('a', number)}"
    return [
        {"dataset": name, "type": kind, **more},
        {"dataset": f"{name}@final", "type": "snapshot"},
    ]


def final(number: int, pool: str = "zones") -> str:
    return f"{pool}/{uuid('a', number)}@final"


def dataset(name: str, kind: str = "filesystem", **more: Any) -> dict[str, Any]:
    return {"dataset": name, "type": kind, **more}


def machine(number: int, *datasets: dict[str, Any]) -> list[dict[str, Any]]:
    """A machine that its host knows by the name of its zone."""
    name = uuid("f", number)
    zone = {"uuid": name, "brand": "x", "state": "stopped", "zfs_filesystem": f"elsewhere/{name}"}
    return [*datasets, {"vm": zone}]


ZONE, KVM, BHYVE, OTHER_SNAPSHOT, OF_A_DIGIT = (uuid("f", number) for number in range(1, 6))
USED = {
    1: f"zones/{ZONE}",
    2: f"zones/{KVM}-disk0",
    3: f"zones/{BHYVE}/disk0",
    4: f"zones/{OTHER_SNAPSHOT}",
    5: f"tank2/{OF_A_DIGIT}",
    6: "zones/backup/anything",
}
HOST = [
    {"conf": '{"upgradedToVer": "3.0.0"}'},
    *image(1),
    *machine(1, dataset(f"zones/{ZONE}", origin=final(1))),
    *image(2, kind="volume"),
    *machine(2, dataset(f"zones/{KVM}"), dataset(f"zones/{KVM}-disk0", "volume", origin=final(2))),
    *image(3, kind="volume"),
    *machine(
        3, dataset(f"zones/{BHYVE}"), dataset(f"zones/{BHYVE}/disk0", "volume", origin=final(3))
    ),
    *image(4),
    dataset(f"zones/{uuid('a', 4)}@daily", "snapshot"),
    *machine(4, dataset(f"zones/{OTHER_SNAPSHOT}", origin=f"zones/{uuid('a', 4)}@daily")),
    dataset("tank2"),
    *image(5, pool="tank2"),
    *machine(5, dataset(f"tank2/{OF_A_DIGIT}", origin=final(5, "tank2"))),
    *image(6),
    dataset("zones/backup"),
    dataset("zones/backup/anything", origin=final(6)),
    *image(7),
    *image(8, origin=final(7)),
    *image(9, props={"imgadm:ignore": "true"}),
    *image(10, pool="tank2"),
]
UNUSED = [f"{uuid('a', number)} (-@-)" for number in (10, 8, 7)]
WITHOUT_ZONES = [step for step in HOST if "vm" not in step]


@pytest.fixture(scope="module")
def sources() -> Iterator[Sources]:
    with Sources() as running:
        yield running


@pytest.mark.parametrize("setup", [HOST, WITHOUT_ZONES], ids=["zones", "no-zones"])
def test_a_vacuum_takes_what_nothing_uses(
    setup: list[dict[str, Any]], tmp_path: Path, sources: Sources
) -> None:
    case = replace(NOTHING, setup=tuple(setup), argv=("vacuum", "-f"))
    outcome = run(case, tmp_path, sources)
    assert outcome.stdout.splitlines() == [f"Deleted image {title}" for title in UNUSED]
    assert (outcome.exit, outcome.stderr) == ("0", "")
    gone = {name for _, name in outcome.state}
    datasets = {f"zones/{uuid('a', 7)}", f"zones/{uuid('a', 8)}", f"tank2/{uuid('a', 10)}"}
    assert gone == datasets | {f"{name}@final" for name in datasets}


@pytest.mark.parametrize("setup", [HOST, WITHOUT_ZONES], ids=["zones", "no-zones"])
def test_clones_of_every_layout_are_listed(
    setup: list[dict[str, Any]], tmp_path: Path, sources: Sources
) -> None:
    case = replace(NOTHING, setup=tuple(setup), argv=("list", "-Ho", "uuid,clones", "clones=1"))
    listed = run(case, tmp_path, sources).stdout.splitlines()
    assert sorted(listed) == [f"{uuid('a', number)}  1" for number in (*USED, 7)]


@pytest.mark.parametrize("number", USED)
def test_an_image_in_use_is_not_deleted(number: int, tmp_path: Path, sources: Sources) -> None:
    used = uuid("a", number)
    pool = USED[number].partition("/")[0]
    case = replace(NOTHING, setup=tuple(WITHOUT_ZONES), argv=("delete", "-P", pool, used))
    outcome = run(case, tmp_path, sources)
    assert (outcome.exit, outcome.stdout, outcome.state) == ("1", "", {})
    assert outcome.stderr == (
        f'imgadm delete: error (ImageHasDependentClones): image "{used}" has dependent clones: '
        f"{USED[number]}\n"
    )


@pytest.mark.parametrize("name", [ZONE, KVM, BHYVE, OTHER_SNAPSHOT])
def test_a_machine_is_not_deleted(name: str, tmp_path: Path, sources: Sources) -> None:
    case = replace(NOTHING, setup=tuple(HOST), argv=("delete", name))
    outcome = run(case, tmp_path, sources)
    assert (outcome.exit, outcome.stdout, outcome.state) == ("3", "", {})


@pytest.mark.parametrize("name", [ZONE, BHYVE, OTHER_SNAPSHOT])
def test_what_looks_like_a_machine_is_not_deleted(
    name: str, tmp_path: Path, sources: Sources
) -> None:
    case = replace(NOTHING, setup=tuple(WITHOUT_ZONES), argv=("delete", name))
    outcome = run(case, tmp_path, sources)
    assert (outcome.exit, outcome.stdout, outcome.state) == ("3", "", {})


GONE = uuid("e", 1)
RECORD = f"/var/imgadm/images/zones-{GONE}.json"
ORPHAN = [
    {"conf": '{"upgradedToVer": "3.0.0"}'},
    {"write_file": RECORD, "content": f'{{"manifest": {{"uuid": "{GONE}", "name": "gone"}}}}'},
]


@pytest.mark.parametrize(
    ("words", "typed", "shown"),
    [
        (("-n",), "", f"[dry-run] Removed record of image {GONE} (gone@-)\r\n"),
        (
            (),
            "y\r",
            "This will remove the records of the following images, which are no longer there:\r\n"
            f"    {GONE} (gone@-)\r\n"
            "Remove this record? [y/N] y\r\n"
            "\r\n"
            f"Removed record of image {GONE} (gone@-)\r\n",
        ),
    ],
)
def test_records_of_images_that_are_gone(
    words: tuple[str, ...], typed: str, shown: str, tmp_path: Path, sources: Sources
) -> None:
    argv = ("vacuum", "--records", *words)
    case = replace(NOTHING, setup=tuple(ORPHAN), argv=argv, stdin=typed, tty=True)
    outcome = run(case, tmp_path, sources)
    assert (outcome.exit, outcome.terminal) == ("0", shown)
    assert outcome.state == ({("var_imgadm removed", RECORD): ""} if typed else {})
