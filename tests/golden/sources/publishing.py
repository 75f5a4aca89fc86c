"""What the recorded source does with images that it is given: a server in the mode "public"."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from .. import fixtures
from .replies import Reply, Request, answer, as_json, error

NOBODY = "00000000-0000-0000-0000-000000000000"
ORDER = (
    *("v", "uuid", "owner", "name", "version", "state", "disabled", "public", "published_at"),
    *("type", "os", "files", "description", "requirements", "users", "generate_passwords"),
    "origin",
    *("nic_driver", "disk_driver", "cpu_type", "image_size"),
)


def answer_everything(request: Request) -> Reply:
    """The well-behaved source, which can be written to."""
    match (request.method, request.path, request.query.get("action")):
        case ("GET", ("images", uuid), _) if uuid in request.published:
            return _as_served(request.published[uuid])
        case ("GET", _, _):
            return answer(request)
        case ("POST", ("images", uuid), "import"):
            return _import(request, uuid)
        case ("PUT", ("images", uuid, "file"), _):
            return _add_file(request, request.published[uuid])
        case ("POST", ("images", uuid), "activate"):
            image = request.published[uuid]
            now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            image.setdefault("published_at", now)
            image["state"] = "active"
            return _as_served(image)
        case ("DELETE", ("images", uuid), _):
            del request.published[uuid]
            return Reply(204, b"")
    raise AssertionError(f"nobody has recorded {request}")


def _import(request: Request, uuid: str) -> Reply:
    image = json.loads(request.body)
    if uuid in request.published or uuid in fixtures.images():
        return error(409, "ImageUuidAlreadyExists", f'image uuid "{uuid}" already exists')
    origin = image.get("origin")
    if origin is not None and origin not in fixtures.images():
        return error(422, "OriginDoesNotExist", f'origin image "{origin}" does not exist')
    if not image.get("public"):
        message = "private images are not allowed on a public Images API"
        wrong = {"field": "public", "code": "Invalid", "message": message}
        failure = {"code": "ValidationFailed", "message": "invalid image data: public"}
        return as_json({**failure, "errors": [wrong]}, 422)
    image |= {"owner": NOBODY, "state": "unactivated", "disabled": False, "files": []}
    request.published[uuid] = image
    return _as_served(image)


def _add_file(request: Request, image: dict[str, Any]) -> Reply:
    sha1 = hashlib.sha1(request.body).hexdigest()
    assert request.query.get("sha1", sha1) == sha1
    compression = request.query["compression"]
    image["files"] = [{"sha1": sha1, "size": len(request.body), "compression": compression}]
    return _as_served(image)


def _as_served(image: dict[str, Any]) -> Reply:
    return as_json(served(image))


def served(image: dict[str, Any]) -> dict[str, Any]:
    """The manifest with its fields in the order in which the source gives them."""
    return {name: image[name] for name in ORDER if name in image}
