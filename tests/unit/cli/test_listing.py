"""Computed fields and filters."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from imgadm.base.errors import UsageError
from imgadm.operations.listing.comparison import MISSING
from imgadm.operations.listing.filters import matching, parse_filters
from imgadm.operations.listing.rows import ListedImage, column, docker_rows, manifest_fields

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
    ("filters", "found"),
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
def test_filters(filters: str, found: bool) -> None:
    words = [filters] if "[" in filters else filters.split(" ")
    images = [ListedImage(MANIFEST)]
    assert list(matching(images, parse_filters(words))) == (images if found else [])


def test_a_value_may_have_equals_signs() -> None:
    assert parse_filters(["a=b=c"]) == {"a": "b=c"}


def test_a_filter_without_value() -> None:
    with pytest.raises(UsageError) as caught:
        parse_filters(["name=x", "foo"])
    assert caught.value.message == 'invalid filter: "foo" (must be of the form "field=value")'


COMPUTED = {
    "published_date": "2015-07-27",
    "pub": "2015-07-27",
    "published": "2015-07-27T15:13:57Z",
    "source": "http://s",
    "zpool": "zones",
    "clones": 0,
    "size": 37,
}


def field(image: ListedImage, name: str) -> Any:
    [value] = column([image], name)
    return value


def test_computed_fields_stay_out_of_the_manifest() -> None:
    manifest = deepcopy(MANIFEST)
    image = ListedImage(manifest, "http://s", "zones", clones=())
    assert {name: field(image, name) for name in COMPUTED} == COMPUTED
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
    assert {field(ListedImage(manifest), name) for name in COMPUTED} == {MISSING}
    own = dict.fromkeys(COMPUTED, "own")
    assert {field(ListedImage({**own, **manifest}), name) for name in COMPUTED} == {"own"}


@pytest.mark.parametrize(
    ("published_at", "published"),
    [
        ("2015-07-27T15:13:57Z", "2015-07-27T15:13:57Z"),
        ("2015-07-27T15:13:57.5Z", "2015-07-27T15:13:57Z"),
        ("2015.07.27", "2015.07.27"),
        ("15.x.1Z", "15.xZ"),
        (".Z", ".Z"),
        ("", ""),
    ],
)
def test_seconds_without_their_fraction(published_at: str, published: str) -> None:
    assert field(ListedImage({"published_at": published_at}), "published") == published


def test_file_size_comes_before_that_of_the_manifest() -> None:
    assert field(ListedImage({"size": 1, "files": [{"size": 2}]}), "size") == 2


def test_what_columns_are_made_from() -> None:
    assert manifest_fields(["uuid", "pub", "size", "docker_id"]) == {
        *("uuid", "pub", "published_at", "size", "files", "docker_id", "type", "tags")
    }


def docker(uuid: str, tags: Any, **fields: Any) -> ListedImage:
    return ListedImage({"uuid": uuid, "type": "docker", "tags": tags, **fields})


def test_docker_fields() -> None:
    image = docker("u", {"docker:id": "sha256:" + "ab" * 32, "docker:repo": "r", "docker:tag:1": 1})
    names = ("docker_short_id", "docker_repo", "docker_tags")
    assert [field(image, name) for name in names] == ["abababababab", "r", ["1"]]
    assert field(docker("u", {"docker:id": "12" * 32}), "docker_short_id") == "12" * 6
    assert field(docker("u", {}), "docker_short_id") is MISSING
    assert field(docker("u", {}), "docker_tags") == []
    assert field(docker("u", None), "docker_tags") is MISSING
    other = ListedImage({"type": "zvol", "tags": {"docker:tag:x": True}})
    assert field(other, "docker_tags") is MISSING


def test_docker_rows_are_one_per_tag_and_one_per_top_layer_without() -> None:
    images = [
        docker("a", {"docker:tag:base": True}),
        docker("b", {"docker:tag:1": True, "docker:tag:2": True}, origin="a"),
        docker("c", None),
        docker("d", {}),
        docker("e", {}, origin="d"),
    ]
    listed = [(row["uuid"], row["tag"]) for row in docker_rows(images)]
    assert listed == [("a", "base"), ("b", "1"), ("b", "2"), ("c", None), ("e", None)]
