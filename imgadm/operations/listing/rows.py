"""The rows and columns of lists: the fields of manifests, and fields computed from them.

A column is read for all images at once, because a list of ten thousand images needs few columns
and has no time for the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from imgadm.operations.listing.comparison import MISSING

_FRACTION = re.compile(r"\.[0-9]+Z$")
_DIGEST_ALGORITHM = re.compile(r"^[a-z0-9]+:")
_TAG_PREFIX = "docker:tag:"
_DOCKER_ROW = {
    "uuid": "uuid",
    "repository": "docker_repo",
    "image_id": "docker_short_id",
    "created": "published",
    "published_at": "published_at",
}
"""The fields for the columns of a list of Docker images, apart from the tag."""


class ListedImage(NamedTuple):
    """An image in a list.

    ``source`` is the URL of its source. An installed image also has its ``pool``, the names of its
    ``clones``, and in ``extra`` the other keys of its record.
    """

    manifest: Mapping[str, Any]
    source: str | None = None
    pool: str | None = None
    clones: Sequence[str] | None = None
    extra: Mapping[str, Any] | None = None

    @property
    def document(self) -> dict[str, Any]:
        """The image as JSON output shows it."""
        document: dict[str, Any] = {"manifest": self.manifest}
        if self.pool is not None:
            document["zpool"] = self.pool
        if self.source is not None:
            document["source"] = self.source
        document.update(self.extra or {})
        if self.clones is not None:
            document["cloneNames"] = list(self.clones)
            document["clones"] = len(self.clones)
        return document


def column(images: Sequence[ListedImage], field: str) -> list[Any]:
    """Return the value of ``field`` for each image, MISSING for images without one.

    A computed field takes precedence over a field of the manifest with the same name, if the image
    has the input for it.
    """
    values = [image.manifest.get(field, MISSING) for image in images]
    compute = _COMPUTED.get(field)
    if compute is None:
        return values
    computed = map(compute, images)
    return [
        value if found is MISSING else found for value, found in zip(values, computed, strict=True)
    ]


def manifest_fields(columns: Iterable[str]) -> frozenset[str]:
    """Return the fields of manifests from which ``columns`` are made."""
    return frozenset(field for name in columns for field in (name, *_INPUTS.get(name, ())))


def docker_rows(images: Sequence[ListedImage]) -> Iterator[dict[str, Any]]:
    """Yield a row for each tag, and one for each image without tags that is no other's origin."""
    origins = {origin for origin in column(images, "origin") if isinstance(origin, str)}
    columns = [column(images, field) for field in ("docker_tags", *_DOCKER_ROW.values())]
    for tags, *values in zip(*columns, strict=True):
        row = dict(zip(_DOCKER_ROW, values, strict=True))
        if tags or row["uuid"] not in origins:
            for tag in tags or [None]:
                yield {**row, "tag": tag}


def _day(image: ListedImage) -> Any:
    published_at = image.manifest.get("published_at")
    return published_at[:10] if isinstance(published_at, str) else MISSING


def _second(image: ListedImage) -> Any:
    published_at = image.manifest.get("published_at")
    if not isinstance(published_at, str):
        return MISSING
    return _FRACTION.sub("Z", published_at) if "." in published_at else published_at


def _size(image: ListedImage) -> Any:
    files = image.manifest.get("files")
    first = files[0] if isinstance(files, list) and files else None
    return first.get("size", MISSING) if isinstance(first, dict) else MISSING


def _source(image: ListedImage) -> Any:
    return MISSING if image.source is None else image.source


def _pool(image: ListedImage) -> Any:
    return MISSING if image.pool is None else image.pool


def _clones(image: ListedImage) -> Any:
    return MISSING if image.clones is None else len(image.clones)


def _docker_tags_of(image: ListedImage) -> Mapping[str, Any] | None:
    tags = image.manifest.get("tags")
    return tags if image.manifest.get("type") == "docker" and isinstance(tags, dict) else None


def _docker_tags(image: ListedImage) -> Any:
    tags = _docker_tags_of(image)
    if tags is None:
        return MISSING
    return [key.removeprefix(_TAG_PREFIX) for key in tags if key.startswith(_TAG_PREFIX)]


def _docker_id(image: ListedImage) -> Any:
    identifier = (_docker_tags_of(image) or {}).get("docker:id")
    return identifier if isinstance(identifier, str) else MISSING


def _docker_short_id(image: ListedImage) -> Any:
    identifier = _docker_id(image)
    return MISSING if identifier is MISSING else _DIGEST_ALGORITHM.sub("", identifier)[:12]


def _docker_repo(image: ListedImage) -> Any:
    return (_docker_tags_of(image) or {}).get("docker:repo", MISSING)


_COMPUTED: dict[str, Callable[[ListedImage], Any]] = {
    "published_date": _day,
    "pub": _day,
    "published": _second,
    "source": _source,
    "clones": _clones,
    "zpool": _pool,
    "size": _size,
    "docker_tags": _docker_tags,
    "docker_id": _docker_id,
    "docker_short_id": _docker_short_id,
    "docker_repo": _docker_repo,
}
_INPUTS = {
    **dict.fromkeys(("published_date", "pub", "published"), ("published_at",)),
    "size": ("files",),
    **dict.fromkeys((name for name in _COMPUTED if name.startswith("docker_")), ("type", "tags")),
}
"""The fields of a manifest that each computed field needs."""
