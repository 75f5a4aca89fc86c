"""The query of a list of images."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgadm.serve.http.replies import HttpError
from imgadm.serve.imgapi.listing import select


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


IMAGES: list[dict[str, Any]] = [
    {
        "uuid": uuid(3),
        "name": "debian",
        "version": "12.1",
        "os": "linux",
        "type": "zvol",
        "state": "active",
        "owner": uuid(8),
        "public": False,
        "published_at": "2023-01-03T00:00:00Z",
        "tags": {"role": "os", "count": 3, "cloud": True},
    },
    {
        "uuid": uuid(2),
        "name": "base-64",
        "version": "21.4.0",
        "os": "smartos",
        "type": "zone-dataset",
        "published_at": "2023-01-02T00:00:00.500Z",
        "tags": "none",
    },
    {
        "uuid": uuid(5),
        "name": "old",
        "version": 1.1,
        "os": "smartos",
        "type": "zone-dataset",
        "state": "disabled",
        "published_at": "2020-01-01T00:00:00Z",
    },
    {"uuid": uuid(1), "name": "undated", "version": "1", "type": "other", "published_at": 5},
]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ([], [1, 2, 3]),
        ([("anything", "x")], [1, 2, 3]),
        ([("name", "debian")], [3]),
        ([("name", "~b")], [2, 3]),
        ([("name", "~B")], []),
        ([("version", "~1")], [1, 2, 3]),
        ([("version", "1.1"), ("state", "disabled")], [5]),
        ([("os", "linux")], [3]),
        ([("os", "~linux")], []),
        ([("type", "zvol")], [3]),
        ([("type", "!zvol")], [1, 2]),
        ([("state", "all")], [1, 5, 2, 3]),
        ([("state", "failed")], []),
        ([("owner", uuid(8))], [3]),
        ([("public", "true")], [1, 2]),
        ([("public", "false")], [3]),
        ([("tag.role", "os"), ("tag.count", "3"), ("tag.cloud", "true")], [3]),
        ([("tag.role", "os"), ("tag.count", "4")], []),
        ([("tag.", "")], []),
        ([("limit", "2")], [1, 2]),
        ([("limit", "0")], []),
        ([("limit", "2"), ("marker", uuid(2))], [2, 3]),
        ([("marker", "2023-01-03T00:00:00Z")], [3]),
        ([("marker", "2023-01-03")], [3]),
        ([("marker", uuid(5))], [2, 3]),
        ([("sort", "published_at.asc")], [1, 2, 3]),
        ([("sort", "published_at.desc")], [3, 2, 1]),
        ([("sort", "published_at.desc"), ("limit", "1")], [3]),
        ([("sort", "published_at.desc"), ("marker", uuid(2))], [2, 1]),
    ],
)
def test_selection(query: list[tuple[str, str]], numbers: list[int]) -> None:
    assert [image["uuid"] for image in select(IMAGES, query)] == [uuid(n) for n in numbers]


@pytest.mark.parametrize(
    ("query", "status", "code", "field"),
    [
        (("state", "sad"), 422, "InvalidParameter", "state"),
        (("owner", "me"), 422, "InvalidParameter", "owner"),
        (("public", "yes"), 422, "InvalidParameter", "public"),
        (("limit", "-1"), 422, "InvalidParameter", "limit"),
        (("limit", "9" * 30), 422, "InvalidParameter", "limit"),
        (("sort", "name"), 422, "InvalidParameter", "sort"),
        (("marker", "soon\n"), 422, "InvalidParameter", "marker"),
        (("marker", uuid(9)), 404, "ResourceNotFound", None),
    ],
)
@pytest.mark.parametrize("images", [IMAGES, []], ids=["images", "no images"])
def test_bad_queries(
    images: list[dict[str, Any]],
    query: tuple[str, str],
    status: int,
    code: str,
    field: str | None,
) -> None:
    with pytest.raises(HttpError) as caught:
        select(images, [query])
    body = caught.value.body
    assert (caught.value.status, body["code"]) == (status, code)
    assert [(item["field"], item["code"]) for item in body.get("errors", [])] == (
        [(field, "Invalid")] if field else []
    )
    assert body["message"].isprintable()


NAMES = ["name", "state", "public", "limit", "marker", "sort", "tag.a", "tag.", "owner", "type"]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(NAMES), st.text(max_size=12) | st.just(uuid(2)))))
def test_no_query_crashes(query: list[tuple[str, str]]) -> None:
    try:
        selected = select(IMAGES, query)
    except HttpError as error:
        selected = []
        status = error.status
    else:
        status = 200
    assert len(selected) <= len(IMAGES)
    assert status in (200, 404, 422)


TIMES = st.sampled_from(
    [None, "2023-01-01T00:00:00Z", "2023-01-01T00:00:00.000Z", "2023-01-01T01:00:00+01:00", 5, "x"]
)


@settings(deadline=None)
@given(
    times=st.lists(TIMES | st.datetimes().map(lambda moment: f"{moment:%Y-%m-%d}"), max_size=12),
    limit=st.integers(1, 14),
    order=st.sampled_from(["published_at", "published_at.asc", "published_at.desc"]),
)
def test_pages_reach_every_image_once(times: list[Any], limit: int, order: str) -> None:
    images = [
        {"uuid": uuid(number), "name": "x"} | ({} if time is None else {"published_at": time})
        for number, time in enumerate(times)
    ]
    whole = [image["uuid"] for image in select(images, [("sort", order)])]
    assert sorted(whole) == [image["uuid"] for image in images]
    reached: list[str] = []
    for _ in range(2 * len(images) + 2):
        marker = [("marker", reached[-1])] if reached else []
        page = select(images, [("sort", order), ("limit", str(limit)), *marker])
        assert len(page) <= limit
        found = [image["uuid"] for image in page]
        if reached and found[:1] == [reached[-1]]:
            del found[0]
        if not found:
            break
        reached += found
    assert reached == whole


def test_marker_moves_among_images_of_one_time() -> None:
    images = [{"uuid": uuid(number), "name": "x"} for number in range(5)]
    query = [("limit", "2"), ("marker", uuid(2))]
    assert [image["uuid"] for image in select(images, query)] == [uuid(2), uuid(3)]
