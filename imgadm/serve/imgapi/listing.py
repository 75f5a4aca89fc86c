"""The query of ``GET /images``: filters, order and pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from imgadm.base.json_values import display
from imgadm.base.patterns import is_uuid
from imgadm.manifest.rules.scalars import STATES
from imgadm.serve.http.replies import invalid_parameter, not_found

Manifest = Mapping[str, Any]
Query = Sequence[tuple[str, str]]

_ORDERS = ("published_at", "published_at.asc", "published_at.desc")


def select(manifests: Iterable[Manifest], query: Query) -> list[Manifest]:
    """Return the manifests that ``query``, decoded name and value pairs, asks for.

    Ordered by the time of publication, oldest first unless ``sort`` says otherwise; those without
    count as oldest, and those of one time are in the order of their UUIDs. A page begins with the
    image that ``marker`` names, as clients expect, who leave it out; only a page of one image would
    then be that one for ever, and so begins after it. Unknown parameters mean nothing. Raises
    :class:`HttpError`.
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


def _tests(query: Query) -> list[Callable[[Manifest], bool]]:
    given = dict(query)
    state = given.get("state", "active")
    if state not in (*STATES, "all"):
        raise invalid_parameter("state", f'"{display(state)}" is no state of an image')
    tests: list[Callable[[Manifest], bool]] = []
    if state != "all":
        tests.append(lambda image: image.get("state", "active") == state)
    for name in ("name", "version", "os", "type"):
        if name in given:
            tests.append(_text_test(name, given[name]))
    if "owner" in given:
        owner = given["owner"]
        if not is_uuid(owner):
            raise invalid_parameter("owner", f'"{display(owner)}" is not a UUID')
        tests.append(lambda image: bool(image.get("owner") == owner))
    if "public" in given:
        if given["public"] not in ("true", "false"):
            raise invalid_parameter("public", f'"{display(given["public"])}" is not true or false')
        public = given["public"] == "true"
        tests.append(lambda image: (image.get("public") is not False) == public)
    tests += [
        _tag_test(name.removeprefix("tag."), value)
        for name, value in query
        if name.startswith("tag.")
    ]
    return tests


def _text_test(field: str, wanted: str) -> Callable[[Manifest], bool]:
    if field in ("name", "version") and wanted.startswith("~"):
        return lambda image: wanted[1:] in str(image.get(field, ""))
    if field == "type" and wanted.startswith("!"):
        return lambda image: str(image.get(field, "")) != wanted[1:]
    return lambda image: str(image.get(field, "")) == wanted


def _tag_test(key: str, wanted: str) -> Callable[[Manifest], bool]:
    def test(image: Manifest) -> bool:
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
        raise invalid_parameter("sort", f'"{display(sort)}" is not one of {", ".join(_ORDERS)}')
    return sort.endswith(".desc")


def _limit(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise invalid_parameter("limit", f'"{display(text)}" is not a number')
    return int(text)


_Position = tuple[float, str]
_BEFORE_ALL, _AFTER_ALL = "", "g"
"""Where in the order of UUIDs all of them come after, or before."""


def _begin(marker: str, images: Sequence[Manifest], *, newest_first: bool) -> _Position:
    """Return where a page begins: at an image, or at all that were published at a moment."""
    if is_uuid(marker):
        for image in images:
            if image["uuid"] == marker:
                return _position(image)
        raise not_found(f'marker "{marker}" was not found')
    moment = _timestamp(marker)
    if moment is None:
        raise invalid_parameter("marker", f'"{display(marker)}" is neither a UUID nor a date')
    return moment, _AFTER_ALL if newest_first else _BEFORE_ALL


def _position(image: Manifest) -> _Position:
    """Return the place of ``image`` in the order of a list, which no other image has."""
    return _published(image), image["uuid"]


def _published(image: Manifest) -> float:
    return _timestamp(image.get("published_at")) or 0


def _timestamp(value: Any) -> float | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
