"""What the recorded source answers, as data."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .. import fixtures


@dataclass(frozen=True)
class Reply:
    """``cut`` bytes of the body are sent before the connection closes; None sends all of it."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    chunked: bool = False
    cut: int | None = None

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Request:
    """The path is split at its slashes; the query keeps the first value of each name.

    ``published`` are the images that the source has been given, by UUID.
    """

    path: tuple[str, ...]
    query: dict[str, str]
    method: str = "GET"
    body: bytes = b""
    published: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def parse(
        cls, target: str, method: str, body: bytes, published: dict[str, dict[str, Any]]
    ) -> Request:
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        path = tuple(filter(None, parts.path.split("/")))
        return cls(path, query, method, body, published)

    @property
    def asks_for_file(self) -> bool:
        return len(self.path) == 3 and (self.path[0], self.path[2]) == ("images", "file")


def as_json(value: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


def error(status: int, code: str, message: str) -> Reply:
    return as_json({"code": code, "message": message}, status)


def not_found(what: str) -> Reply:
    return error(404, "ResourceNotFound", what)


def file_reply(data: bytes) -> Reply:
    digest = base64.b64encode(hashlib.md5(data).digest()).decode()
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-MD5": digest,
        "Etag": hashlib.sha1(data).hexdigest(),
    }
    return Reply(200, data, headers)


def answer(request: Request) -> Reply:
    """The well-behaved source."""
    match request.path:
        case ("ping",):
            return as_json(fixtures.ping())
        case ("images",):
            return as_json(_page([image.manifest for image in fixtures.listed()], request.query))
        case ("images", uuid) if uuid in fixtures.images():
            return as_json(fixtures.images()[uuid].manifest)
        case ("images", uuid, "file") if uuid in fixtures.images():
            file = fixtures.images()[uuid].file
            return file_reply(file) if file else not_found(f'image "{uuid}" has no file')
        case ("images", _, *_):
            return not_found("image not found")
        case _:
            return not_found(f"/{'/'.join(request.path)} does not exist")


def _page(manifests: list[Any], query: dict[str, str]) -> list[Any]:
    if query.get("state", "active") not in ("active", "all"):
        return []
    uuids = [manifest["uuid"] for manifest in manifests]
    start = uuids.index(query["marker"]) if query.get("marker") in uuids else 0
    return manifests[start:][: int(query.get("limit", "1000"))]
