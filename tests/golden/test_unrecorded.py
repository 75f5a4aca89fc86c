"""What nobody recorded, on the same hosts: an upgrade from imgadm 1, other pools, no images."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .cases import Case
from .outcome import Outcome
from .run import run
from .sources.server import Sources

OLD = "01b2c898-945f-11e1-a523-af1afbe22822"
BROKEN = "7970c690-1738-4e58-a04f-8ce4ea8ebfca"
CURRENT = '{"dockerImportSkipUuids": true, "upgradedToVer": "3.0.0"}'
VERSION_1 = {
    "uuid": OLD,
    "name": "smartos",
    "version": "1.6.3",
    "type": "zone-dataset",
    "os": "smartos",
    "creator_uuid": "352971aa-31ba-496c-9ade-a379feaecd52",
    "vendor_uuid": "352971aa-31ba-496c-9ade-a379feaecd52",
    "creator_name": "sdc",
    "published_at": "2012-05-02T15:15Z",
    "files": [{"path": "smartos.zfs.bz2", "sha1": "a" * 40, "size": 50000000}],
    "_url": "https://datasets.example.com/datasets",
}


@pytest.fixture(scope="module")
def sources() -> Iterator[Sources]:
    with Sources() as running:
        yield running


class Hosts:
    """Runs one command on a new host."""

    def __init__(self, directory: Path, sources: Sources) -> None:
        self._directory = directory
        self._sources = sources

    def run(self, *argv: str, setup: list[dict[str, Any]]) -> Outcome:
        nothing = Outcome("0", "", "", "", {}, frozenset(), "")
        case = Case("", "", tuple(setup), argv, {}, "true", "", False, nothing, (), ())
        return run(case, self._directory, self._sources)


@pytest.fixture
def hosts(tmp_path: Path, sources: Sources) -> Hosts:
    return Hosts(tmp_path, sources)


def image(dataset: str, **fields: Any) -> list[dict[str, Any]]:
    return [
        {"dataset": dataset, "type": "filesystem", **fields},
        {"dataset": f"{dataset}@final", "type": "snapshot"},
    ]


def test_upgrade_from_version_1(hosts: Hosts) -> None:
    outcome = hosts.run(
        "sources",
        setup=[
            *image(f"zones/{OLD}"),
            *image(f"zones/{BROKEN}"),
            {"write_file": f"/var/db/imgadm/{OLD}.json", "content": json.dumps(VERSION_1)},
            {"write_file": f"/var/db/imgadm/{BROKEN}.json", "content": "bad"},
            {
                "write_file": "/var/db/imgadm/sources.list",
                "content": "https://datasets.tritondatacenter.com/datasets/\n"
                "http://foo.example/datasets\n",
            },
        ],
    )
    assert outcome.stdout == "https://images.smartos.org\nhttp://foo.example/datasets\n"
    assert outcome.stderr.splitlines() == [
        f"Upgraded image {OLD} data",
        f"imgadm: warning: could not load image {BROKEN} info from /var/db/imgadm/{BROKEN}.json "
        "for upgrade: manifest is invalid: not JSON: expecting value at line 1, column 1",
        'Upgrade: imported image source "https://datasets.tritondatacenter.com/datasets/"',
        'Upgrade: imported image source "http://foo.example/datasets"',
    ]
    assert outcome.exit == "0"
    added = {path: json.loads(text) for (_, path), text in outcome.state.items()}
    assert added == {
        "/var/imgadm/imgadm.conf": {
            "dockerImportSkipUuids": True,
            "sources": [
                {"type": "imgapi", "url": "https://images.smartos.org"},
                {"type": "dsapi", "url": "http://foo.example/datasets"},
            ],
            "upgradedToVer": "3.0.0",
        },
        f"/var/imgadm/images/zones-{OLD}.json": {
            "manifest": {
                "uuid": OLD,
                "name": "smartos",
                "version": "1.6.3",
                "type": "zone-dataset",
                "os": "smartos",
                "published_at": "2012-05-02T15:15:00Z",
                "files": [{"sha1": "a" * 40, "size": 50000000, "compression": "bzip2"}],
                "v": 2,
                "owner": VERSION_1["creator_uuid"],
                "public": True,
                "disabled": False,
                "state": "active",
            },
            "zpool": "zones",
            "source": "https://datasets.example.com/datasets",
        },
    }


MACHINE = "f0f0f0f0-0000-4000-8000-000000000001"
MACHINE_OF_AN_IMAGE = [
    {"conf": CURRENT},
    *image(f"zones/{OLD}"),
    {"dataset": f"zones/{MACHINE}", "type": "filesystem", "origin": f"zones/{OLD}@final"},
]


@pytest.mark.parametrize("command", ["delete", "get"])
def test_the_dataset_of_a_machine_is_no_image(hosts: Hosts, command: str) -> None:
    outcome = hosts.run(command, MACHINE, setup=MACHINE_OF_AN_IMAGE)
    assert outcome.exit == "3"
    assert outcome.stderr == (
        f"imgadm {command}: error (ImageNotInstalled): "
        f'image "{MACHINE}" was not found on zpool "zones"\n'
    )
    assert outcome.state == {}


def test_an_image_that_a_machine_was_made_from_stays(hosts: Hosts) -> None:
    outcome = hosts.run("delete", OLD, setup=MACHINE_OF_AN_IMAGE)
    assert outcome.exit == "1"
    assert f'"{OLD}" has dependent clones: zones/{MACHINE}\n' in outcome.stderr
    assert outcome.state == {}


ODD = "5a5b5c5d-1111-4222-8333-444455550014"
DATASET_SERVER = [
    {
        "conf": {
            "upgradedToVer": "3.0.0",
            "sources": [{"type": "dsapi", "url": "$IMGAPI_DSAPI/datasets"}],
        }
    }
]


def test_an_import_from_a_dataset_server(hosts: Hosts) -> None:
    outcome = hosts.run("import", ODD, setup=DATASET_SERVER)
    assert (outcome.exit, outcome.stderr) == ("0", "")
    record = json.loads(outcome.state["var_imgadm added", f"/var/imgadm/images/zones-{ODD}.json"])
    assert record["source"] == "$IMGAPI_DSAPI/datasets"
    assert (record["manifest"]["v"], record["manifest"]["state"]) == (2, "active")
    assert ("datasets added", f"zones/{ODD}@final") in outcome.state
    assert outcome.requests == {
        f"GET $IMGAPI_DSAPI/datasets/{ODD}",
        f"GET $IMGAPI/images/{ODD}/file",
    }


def test_images_of_a_dataset_server_are_listed(hosts: Hosts) -> None:
    outcome = hosts.run("avail", "-Ho", "uuid,state", f"uuid={ODD}", setup=DATASET_SERVER)
    assert outcome.stdout == f"{ODD}  active\n"


def test_pools_with_digits_in_their_names_are_listed(hosts: Hosts) -> None:
    pool = [{"conf": CURRENT}, {"dataset": "tank2", "type": "filesystem"}]
    outcome = hosts.run("list", "-Ho", "uuid,zpool", setup=[*pool, *image(f"tank2/{OLD}")])
    assert outcome.stdout == f"{OLD}  tank2\n"


def test_an_image_on_two_pools_is_updated_on_both(hosts: Hosts) -> None:
    pools = [
        {"conf": {"upgradedToVer": "3.0.0", "sources": [{"type": "imgapi", "url": "$IMGAPI"}]}},
        {"dataset": "tank2", "type": "filesystem"},
    ]
    installed = [*image(f"zones/{ODD}"), *image(f"tank2/{ODD}")]
    outcome = hosts.run("update", ODD, setup=[*pools, *installed])
    assert (outcome.exit, outcome.stderr) == ("0", "")
    assert outcome.stdout == 2 * f'Added manifest info for image {ODD} from "$IMGAPI"\n'
    records = {path: json.loads(text)["zpool"] for (_, path), text in outcome.state.items()}
    assert records == {f"/var/imgadm/images/{pool}-{ODD}.json": pool for pool in ("zones", "tank2")}
