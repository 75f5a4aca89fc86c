"""What can be listed, filtered and sorted by: the fields of a manifest and some computed ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_FRACTION = re.compile(r"\.[0-9]+Z$")
_DIGEST_ALGORITHM = re.compile(r"^[a-z0-9]+:")
_TAG_PREFIX = "docker:tag:"


@dataclass(frozen=True)
class ListedImage:
    """An image of a listing.

    ``document`` is what JSON output shows, ``row`` what filters, columns and sorting see.
    """

    document: Mapping[str, Any]
    row: Mapping[str, Any]


def image_row(
    manifest: Mapping[str, Any],
    *,
    source: str | None = None,
    pool: str | None = None,
    clones: int | None = None,
) -> dict[str, Any]:
    """Return a new row: the manifest and the computed fields for which there is input."""
    row = dict(manifest)
    published_at = manifest.get("published_at")
    if isinstance(published_at, str):
        row["published_date"] = row["pub"] = published_at[:10]
        row["published"] = _FRACTION.sub("Z", published_at)
    known = {"source": source, "clones": clones, "zpool": pool}
    row.update({field: value for field, value in known.items() if value is not None})
    files = manifest.get("files")
    if isinstance(files, list) and files and isinstance(files[0], dict) and "size" in files[0]:
        row["size"] = files[0]["size"]
    if manifest.get("type") == "docker":
        row.update(_docker_fields(manifest.get("tags")))
    return row


def docker_rows(rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield a row per tag of each image, of ``rows``, that no other one is based on."""
    rows = list(rows)
    origins = {row["origin"] for row in rows if isinstance(row.get("origin"), str)}
    for row in rows:
        if row["uuid"] not in origins:
            for tag in row.get("docker_tags") or [None]:
                yield {
                    "uuid": row["uuid"],
                    "repository": row.get("docker_repo"),
                    "tag": tag,
                    "image_id": row.get("docker_short_id"),
                    "created": row.get("published"),
                    "published_at": row.get("published_at"),
                }


def _docker_fields(tags: Any) -> dict[str, Any]:
    if not isinstance(tags, dict):
        return {}
    names = [key.removeprefix(_TAG_PREFIX) for key in tags if key.startswith(_TAG_PREFIX)]
    fields: dict[str, Any] = {"docker_tags": names}
    if isinstance(identifier := tags.get("docker:id"), str):
        fields["docker_id"] = identifier
        fields["docker_short_id"] = _DIGEST_ALGORITHM.sub("", identifier)[:12]
    if "docker:repo" in tags:
        fields["docker_repo"] = tags["docker:repo"]
    return fields
