"""The query of ``GET /images``: filters, order and pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from imgadm.base.patterns import is_uuid
from imgadm.base.text import excerpt
from imgadm.manifest.rules.scalars import STATES
from imgadm.serve.http.replies import invalid_parameter, not_found

Query = Sequence[tuple[str, str]]
"""The parameters of a request: decoded names and values, in their order."""

_Manifest = Mapping[str, Any]

_ORDERS = ("published_at", "published_at.asc", "published_at.desc")


def select(manifests: Iterable[_Manifest], query: Query) -> list[_Manifest]:
    """Return the manifests that ``query`` asks for.

    They are in the order of their publication, oldest first unless ``sort`` says otherwise. Images
    without that time count as oldest, and images of the same time are in the order of their UUIDs.

    A page begins with the image that ``marker`` names: clients expect that, and leave this image
    out. With a ``limit`` of 1 they would get this one image for ever, so that page begins after it.

    Unknown parameters are ignored. Raises :class:`HttpError` for parameters that make no sense.
    """
    given = dict(query)
    limit = _limit(given.get("limit"))
    ordered = sorted(manifests, key=_position)
    newest_first = _newest_first(given.get("sort", "published_at"))
    tests = _tests(query)
    chosen = [image for image in ordered if all(test(image) for test in tests)]
    if newest_first:
        chosen.reverse()
    if marker := given.get("marker"):
        begin = _begin(marker, ordered, newest_first=newest_first)
        chosen = [
            image
            for image in chosen
            if (_position(image) <= begin if newest_first else _position(image) >= begin)
            and not (limit == 1 and image["uuid"] == marker)
        ]
    return chosen[:limit]


def _tests(query: Query) -> list[Callable[[_Manifest], bool]]:
    given = dict(query)
    state = given.get("state", "active")
    if state not in (*STATES, "all"):
        raise invalid_parameter("state", f'"{excerpt(state)}" is no state of an image')
    tests: list[Callable[[_Manifest], bool]] = []
    if state != "all":
        tests.append(lambda image: image.get("state", "active") == state)
    for name in ("name", "version", "os", "type"):
        if name in given:
            tests.append(_text_test(name, given[name]))
    if "owner" in given:
        owner = given["owner"]
        if not is_uuid(owner):
            raise invalid_parameter("owner", f'"{excerpt(owner)}" is not a UUID')
        tests.append(lambda image: bool(image.get("owner") == owner))
    if "public" in given:
        if given["public"] not in ("true", "false"):
            raise invalid_parameter("public", f'"{excerpt(given["public"])}" is not true or false')
        public = given["public"] == "true"
        tests.append(lambda image: (image.get("public") is not False) == public)
    tests += [
        _tag_test(name.removeprefix("tag."), value)
        for name, value in query
        if name.startswith("tag.")
    ]
    return tests


def _text_test(field: str, wanted: str) -> Callable[[_Manifest], bool]:
    if field in ("name", "version") and wanted.startswith("~"):
        return lambda image: wanted[1:] in str(image.get(field, ""))
    if field == "type" and wanted.startswith("!"):
        return lambda image: str(image.get(field, "")) != wanted[1:]
    return lambda image: str(image.get(field, "")) == wanted


def _tag_test(key: str, wanted: str) -> Callable[[_Manifest], bool]:
    def test(image: _Manifest) -> bool:
        tags = image.get("tags")
        if not isinstance(tags, dict) or key not in tags:
            return False
        value = tags[key]
        if isinstance(value, bool):
            return wanted == ("true" if value else "false")
        return str(value) == wanted

    return test


def _newest_first(sort: str) -> bool:
    if sort not in _ORDERS:
        raise invalid_parameter("sort", f'"{excerpt(sort)}" is not one of {", ".join(_ORDERS)}')
    return sort.endswith(".desc")


def _limit(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise invalid_parameter("limit", f'"{excerpt(text)}" is not a number')
    return int(text)


_Position = tuple[float, str]
_BEFORE_ALL, _AFTER_ALL = "", "g"
"""Texts that come before, and after, every UUID."""


def _begin(marker: str, images: Sequence[_Manifest], *, newest_first: bool) -> _Position:
    """Return the position at which a page begins.

    That is the position of the image ``marker``, or one beside all images of the moment ``marker``.
    """
    if is_uuid(marker):
        for image in images:
            if image["uuid"] == marker:
                return _position(image)
        raise not_found(f'marker "{marker}" was not found')
    moment = _timestamp(marker)
    if moment is None:
        raise invalid_parameter("marker", f'"{excerpt(marker)}" is neither a UUID nor a date')
    return moment, _AFTER_ALL if newest_first else _BEFORE_ALL


def _position(image: _Manifest) -> _Position:
    """Return the place of ``image`` in the order of a list; no two images have the same."""
    return _published(image), image["uuid"]


def _published(image: _Manifest) -> float:
    return _timestamp(image.get("published_at")) or 0


def _timestamp(value: Any) -> float | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
