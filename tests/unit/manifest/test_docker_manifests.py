"""UUIDs and manifests of layers, as the original makes them."""

from __future__ import annotations

from typing import Any

import pytest

from imgadm.manifest import Manifest, find_violations
from imgadm.manifest.docker import (
    UNKNOWN_DATE,
    layer_manifests,
    layer_uuid,
    publication_date,
    with_tags_of,
)
from imgadm.manifest.errors import InvalidManifestError

A, B, Z = ("sha256:" + letter * 64 for letter in "ab0")
BASE = "sha256:794cb9a87034df578c0c59b01e000c321602fdd47963cbe6361b6fb6fce9874e"
TOP = "sha256:a515cf8927ee3e5098ede710ecdee8563068101497bd4f41bf9dc09840be52b7"
CONFIG: dict[str, Any] = {
    "architecture": "amd64",
    "os": "linux",
    "created": "2024-01-02T03:04:05.678901234Z",
    "config": {"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"], "WorkingDir": "/"},
}
WANTED = {
    "v": 2,
    "uuid": "88c48ed0-b4e6-1a5b-c9a7-92192a54069c",
    "owner": "00000000-0000-0000-0000-000000000000",
    "name": "docker-layer",
    "version": "a515cf8927ee",
    "disabled": False,
    "public": True,
    "published_at": "2024-01-02T03:04:05.678Z",
    "type": "docker",
    "os": "linux",
    "description": "",
    "tags": {
        "docker:repo": "127.0.0.1:5571/sk/img",
        "docker:id": TOP,
        "docker:architecture": "amd64",
        "docker:tag:v1": True,
        "docker:config": {"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"], "WorkingDir": "/"},
    },
    "origin": "1a7ab592-dd38-93b9-8af1-d770a7fe1fb4",
}


def made(config: dict[str, Any], tag: str | None = "v1") -> list[dict[str, Any]]:
    return layer_manifests([BASE, TOP], config, repository="127.0.0.1:5571/sk/img", tag=tag)


@pytest.mark.parametrize(
    ("chain", "uuid"),
    [
        ([A], "9f447b1b-473d-3598-84f2-b8541a1ad0b7"),
        ([A, B], "ccd72292-8bd9-2476-ba17-45586fed6e45"),
        ([B, A], "c6238ae8-d914-45af-4c45-3ac796a5e6c6"),
        ([A, A], "9d2cc34d-c7dc-748d-ba0e-d439e6987c2f"),
        ([Z], "e191bc1a-ec7e-9a1d-2e95-a24550e97dd2"),
    ],
)
def test_uuids_are_those_of_other_hosts(chain: list[str], uuid: str) -> None:
    assert layer_uuid(chain) == uuid


@pytest.mark.parametrize("digest", ["a" * 64, "sha256:" + "A" * 64, "sha256:" + "a" * 63, "md5:a"])
def test_what_is_no_digest(digest: str) -> None:
    with pytest.raises(InvalidManifestError, match='of the form "sha256:xxx", got: '):
        layer_uuid([A, digest])


def test_longer_digests_have_uuids_of_their_own() -> None:
    assert layer_uuid(["sha512:" + "a" * 128]) != layer_uuid([A])


def test_manifest_of_the_top_layer() -> None:
    base, top = made(CONFIG)
    assert top == WANTED
    assert list(top) == list(WANTED)
    assert list(top["tags"]) == list(WANTED["tags"])
    assert (base["uuid"], base["version"]) == (WANTED["origin"], "794cb9a87034")
    assert "origin" not in base
    assert base["tags"] == {
        "docker:repo": "127.0.0.1:5571/sk/img",
        "docker:id": BASE,
        "docker:architecture": "amd64",
        "docker:config": CONFIG["config"],
    }
    assert [list(find_violations(manifest)) for manifest in (base, top)] == [[], []]
    assert Manifest.of(top).type == "docker"


def test_without_a_tag_there_is_no_tag() -> None:
    assert "docker:tag:v1" not in made(CONFIG, tag=None)[1]["tags"]


@pytest.mark.parametrize(
    ("config", "field", "value"),
    [
        ({**CONFIG, "os": "windows"}, "os", None),
        ({}, "os", None),
        ({}, "description", ""),
        ({"comment": "made by hand"}, "description", "made by hand"),
        ({"comment": "x" * 20000}, "description", "x" * 10240),
        (
            {"container_config": {"Cmd": ["/bin/sh", "-c", "make"]}},
            "description",
            "/bin/sh -c make",
        ),
        ({"container_config": {"Cmd": "make"}}, "description", ""),
        ({"comment": 5, "container_config": None}, "description", ""),
    ],
)
def test_fields_that_come_from_the_configuration(
    config: dict[str, Any], field: str, value: str | None
) -> None:
    assert made(config)[1].get(field) == value


@pytest.mark.parametrize(
    ("config", "kept"),
    [
        ({}, {}),
        ({"config": None}, {}),
        ({"config": []}, {}),
        ({"config": {"Cmd": None, "User": "root"}}, {"Cmd": None}),
        ({"config": {"Entrypoint": ["/x"], "Labels": {}}}, {"Entrypoint": ["/x"]}),
    ],
)
def test_configuration_of_containers(config: dict[str, Any], kept: dict[str, Any]) -> None:
    assert made(config)[1]["tags"]["docker:config"] == kept


@pytest.mark.parametrize(
    ("created", "date"),
    [
        ("2024-01-02T03:04:05.678901234Z", "2024-01-02T03:04:05.678Z"),
        ("2024-01-02T03:04:05Z", "2024-01-02T03:04:05.000Z"),
        ("2024-01-02T03:04:05.6Z", "2024-01-02T03:04:05.600Z"),
        ("2024-01-02t03:04:05z", "2024-01-02T03:04:05.000Z"),
        ("2024-01-02T03:04:05.999+02:30", "2024-01-02T00:34:05.999Z"),
        ("2024-01-01T00:00:00+02:00", "2023-12-31T22:00:00.000Z"),
        ("0001-01-01T00:00:00Z", UNKNOWN_DATE),
        ("0001-01-01T00:00:00+14:00", UNKNOWN_DATE),
        ("2024-13-01T00:00:00Z", UNKNOWN_DATE),
        ("yesterday", UNKNOWN_DATE),
        ("", UNKNOWN_DATE),
        (None, UNKNOWN_DATE),
        (1704164645, UNKNOWN_DATE),
    ],
)
def test_dates(created: Any, date: str) -> None:
    assert publication_date(created) == date


def test_layer_that_is_asked_for_becomes_that_image() -> None:
    layer = made(CONFIG)[0]
    (image,) = layer_manifests([BASE], {"config": {"Cmd": ["x"]}}, repository="base", tag="1")
    assert with_tags_of(layer, image) == image


def test_image_that_is_asked_for_by_another_tag_gets_that_too() -> None:
    kept = made(CONFIG)[1]
    other = made({**CONFIG, "config": {}}, tag="v2")[1]
    tags = with_tags_of(kept, other)["tags"]
    assert [name for name in tags if "tag" in name] == ["docker:tag:v1", "docker:tag:v2"]
    assert tags["docker:config"] == CONFIG["config"]


def test_image_keeps_the_repository_that_it_was_first_asked_for_from() -> None:
    kept = made(CONFIG)[1]
    other = layer_manifests([BASE, TOP], CONFIG, repository="other", tag="v2")[1]
    assert with_tags_of(kept, other) == kept
