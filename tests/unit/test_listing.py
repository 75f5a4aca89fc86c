"""Computed fields and filters."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from imgadm.errors import UsageError
from imgadm.operations.filters import matches, parse_filters
from imgadm.operations.rows import docker_rows, image_row

MANIFEST: dict[str, Any] = {
    "uuid": "01b2c898-945f-11e1-a523-af1afbe22822",
    "name": "base",
    "published_at": "2015-07-27T15:13:57.123Z",
    "disabled": False,
    "image_size": 10240,
    "factor": 2.0,
    "nothing": None,
    "requirements": {"min_platform": {"7.0": "2021"}, "brand": "bhyve"},
    "files": [{"size": 37, "compression": "gzip"}],
    "tags": {"docker:tag:latest": True, "role": "os", "a.b": "c"},
    "billing_tags": ["web", "db"],
}


@pytest.mark.parametrize(
    ("filters", "matching"),
    [
        ("name=base", True),
        ("name=Base", False),
        ("name=bas", False),
        ("name=~as", True),
        ("name=~", True),
        ("name=~AS", False),
        ("name=", False),
        ("disabled=false", True),
        ("disabled=true", False),
        ("disabled=~f", False),
        ("image_size=10240", True),
        ("image_size=~1", False),
        ("factor=2", True),
        ("nothing=null", True),
        ("nothing.at.all=null", False),
        ("requirements.brand=bhyve", True),
        ("requirements.min_platform.7.0=2021", False),
        ("requirements=[object Object]", True),
        ("files.0.compression=gzip", True),
        ("files.1.compression=gzip", False),
        ("files.-1.compression=gzip", False),
        ("tags.role=os", True),
        ("tags.a.b=c", False),
        ("tags.docker:tag:latest=true", True),
        ("billing_tags=~web", True),
        ("billing_tags=~we", False),
        ("billing_tags=web,db", True),
        ("size=37", True),
        ("pub=2015-07-27", True),
        ("nosuch=x", False),
        ("nosuch=", False),
        ("=x", False),
        ("name=base image_size=10240", True),
        ("name=base image_size=1", False),
        ("name=x name=base", True),
    ],
)
def test_filters(filters: str, matching: bool) -> None:
    words = [filters] if "[" in filters else filters.split(" ")
    assert matches(image_row(MANIFEST), parse_filters(words)) is matching


def test_a_value_may_have_equals_signs() -> None:
    assert parse_filters(["a=b=c"]) == {"a": "b=c"}


def test_a_filter_without_value() -> None:
    with pytest.raises(UsageError) as caught:
        parse_filters(["name=x", "foo"])
    assert caught.value.message == 'invalid filter: "foo" (must be of the form "field=value")'


def test_computed_fields_stay_out_of_the_manifest() -> None:
    manifest = deepcopy(MANIFEST)
    row = image_row(manifest, source="http://s", pool="zones", clones=0)
    computed = {key: value for key, value in row.items() if key not in manifest}
    assert computed == {
        "published_date": "2015-07-27",
        "pub": "2015-07-27",
        "published": "2015-07-27T15:13:57Z",
        "source": "http://s",
        "zpool": "zones",
        "clones": 0,
        "size": 37,
    }
    assert manifest == MANIFEST


@pytest.mark.parametrize(
    "manifest",
    [
        {},
        {"published_at": 7, "files": {}, "tags": []},
        {"files": []},
        {"files": [None]},
        {"files": [{}]},
    ],
)
def test_nothing_is_computed_from_nothing(manifest: dict[str, Any]) -> None:
    assert image_row(manifest) == manifest


def test_file_size_comes_before_that_of_the_manifest() -> None:
    assert image_row({"size": 1, "files": [{"size": 2}]})["size"] == 2


def docker(uuid: str, tags: Any, **fields: Any) -> dict[str, Any]:
    return image_row({"uuid": uuid, "type": "docker", "tags": tags, **fields})


def test_docker_fields() -> None:
    row = docker("u", {"docker:id": "sha256:" + "ab" * 32, "docker:repo": "r", "docker:tag:1": 1})
    assert (row["docker_short_id"], row["docker_repo"], row["docker_tags"]) == (
        "abababababab",
        "r",
        ["1"],
    )
    assert docker("u", {"docker:id": "12" * 32})["docker_short_id"] == "12" * 6
    assert "docker_short_id" not in docker("u", {})
    assert "docker_tags" not in docker("u", None)
    assert "docker_tags" not in image_row({"type": "zvol", "tags": {"docker:tag:x": True}})


def test_docker_rows_are_one_per_tag_of_a_top_layer() -> None:
    rows = [
        docker("a", {"docker:tag:base": True}),
        docker("b", {"docker:tag:1": True, "docker:tag:2": True}, origin="a"),
        docker("c", None),
    ]
    listed = [(row["uuid"], row["tag"]) for row in docker_rows(rows)]
    assert listed == [("b", "1"), ("b", "2"), ("c", None)]
