"""Sources that are wrong in one way each, by the placeholder that names them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .. import fixtures
from .publishing import answer_everything
from .replies import Reply, Request, answer, as_json, error, file_reply, not_found

MINIMAL = fixtures.image("base").uuid
SUBSET_KEYS = ("base", "ubuntu")
ONLY_IN_SUBSET = {
    "v": 2,
    "uuid": "abcdef01-2345-4678-9abc-def012340099",
    "owner": "00000000-0000-0000-0000-000000000000",
    "name": "only-here",
    "version": "1.0.0",
    "state": "active",
    "disabled": False,
    "public": True,
    "published_at": "2024-01-01T00:00:00.000Z",
    "type": "zone-dataset",
    "os": "smartos",
    "files": [],
}
V1_CREATOR = "352971aa-31ba-496c-9ade-a379feaecd52"

Behaviour = Callable[[Request, str], Reply]


def on_file(change: Callable[[bytes], Reply]) -> Behaviour:
    """Answers well but for image files, whose bytes ``change`` makes a reply of."""

    def behave(request: Request, _: str) -> Reply:
        reply = answer(request)
        return change(reply.body) if request.asks_for_file and reply.status == 200 else reply

    return behave


def on_manifest(
    change: Callable[[dict[str, Any]], None], then: Behaviour | None = None
) -> Behaviour:
    """Edits every manifest; whatever is not a manifest is answered by ``then``."""

    def behave(request: Request, real: str) -> Reply:
        reply = then(request, real) if then else answer(request)
        if request.path[:1] != ("images",) or request.asks_for_file or reply.status != 200:
            return reply
        served = reply.json()
        for manifest in served if isinstance(served, list) else [served]:
            change(manifest)
        return replace(reply, body=json.dumps(served).encode())

    return behave


def always(reply: Reply) -> Behaviour:
    return lambda request, real: reply


def corrupt(data: bytes) -> Reply:
    middle = len(data) // 2
    flipped = data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :]
    return _without_md5(file_reply(flipped))


def truncated(data: bytes) -> Reply:
    return replace(file_reply(data), cut=len(data) // 2)


def without_length(data: bytes) -> Reply:
    return replace(file_reply(data), chunked=True)


def wrong_md5(data: bytes) -> Reply:
    reply = file_reply(data)
    return replace(reply, headers={**reply.headers, "Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="})


def _without_md5(reply: Reply) -> Reply:
    headers = {name: text for name, text in reply.headers.items() if name != "Content-MD5"}
    return replace(reply, headers=headers)


def without_sha1(manifest: dict[str, Any]) -> None:
    for file in manifest["files"]:
        file.pop("sha1", None)


def version_77(manifest: dict[str, Any]) -> None:
    manifest["v"] = 77


def without_files(manifest: dict[str, Any]) -> None:
    del manifest["files"]


def no_origin(request: Request, _: str) -> Reply:
    if request.path[:2] == ("images", MINIMAL):
        return not_found("image not found")
    return answer(request)


def not_imgapi(request: Request, _: str) -> Reply:
    if request.path == ("ping",):
        return as_json({name: value for name, value in fixtures.ping().items() if name != "imgapi"})
    return answer(request)


def subset(request: Request, _: str) -> Reply:
    chosen = [{**fixtures.image(key).manifest, "description": "from subset"} for key in SUBSET_KEYS]
    manifests = {str(manifest["uuid"]): manifest for manifest in [*chosen, ONLY_IN_SUBSET]}
    match request.path:
        case ("images",):
            return as_json(sorted(manifests.values(), key=lambda one: str(one["published_at"])))
        case ("images", uuid) if uuid == ONLY_IN_SUBSET["uuid"]:
            return as_json(ONLY_IN_SUBSET)
        case ("images", uuid, *_) if uuid in manifests:
            # Asked for one of them, it relayed: an update saw no other description than before.
            return answer(request)
        case ("images", *_):
            return not_found("image not found")
        case _:
            return answer(request)


def version_1(request: Request, real: str) -> Reply:
    reply = answer(request)
    if request.path[:1] != ("images",) or request.asks_for_file or reply.status != 200:
        return reply
    served = reply.json()
    if isinstance(served, list):
        return as_json([as_version_1(manifest, real) for manifest in served])
    return as_json(as_version_1(served, real))


def as_version_1(manifest: dict[str, Any], real: str) -> dict[str, Any]:
    """The manifest as servers before IMGAPI gave it."""
    old = {name: manifest[name] for name in ("uuid", "name", "version", "type", "os")}
    old["description"] = manifest.get("description", "")
    old["published_at"] = manifest.get("published_at")
    old |= {"creator_uuid": V1_CREATOR, "vendor_uuid": V1_CREATOR, "creator_name": "sdc"}
    old |= {"platform_type": "smartos", "cloud_name": "sdc"}
    old["urn"] = f"sdc:sdc:{manifest['name']}:{manifest['version']}"
    old["requirements"] = manifest.get("requirements", {})
    suffix = {"gzip": ".gz", "bzip2": ".bz2", "xz": ".xz", "none": ""}
    old["files"] = [
        {
            "path": "x.zfs" + suffix[file["compression"]],
            "sha1": file["sha1"],
            "size": file["size"],
            "url": f"{real}/images/{manifest['uuid']}/file",
        }
        for file in manifest["files"]
    ]
    return old


def bare_stream(request: Request, _: str) -> Reply:
    reply = answer(request)
    if not request.asks_for_file or reply.status != 200:
        return reply
    return Reply(200, fixtures.images()[request.path[1]].stream, chunked=True)


def redirect(request: Request, real: str) -> Reply:
    return Reply(302, b"", {"Location": f"{real}/{'/'.join(request.path)}"})


def dsapi(request: Request, real: str) -> Reply:
    match request.path:
        case ("ping",):
            return as_json({"ping": "pong"})
        case ("datasets", *rest):
            return version_1(replace(request, path=("images", *rest)), real)
        case _:
            return not_found("no such resource")


HTML = Reply(200, b"<html><body>Not an IMGAPI</body></html>", {"Content-Type": "text/html"})

BEHAVIOURS: dict[str, Behaviour] = {
    "$IMGAPI": lambda request, real: answer_everything(request),
    "$IMGAPI_BADMAN": on_manifest(version_77),
    "$IMGAPI_BADMD5": on_manifest(without_sha1, on_file(wrong_md5)),
    "$IMGAPI_CORRUPT": on_file(corrupt),
    "$IMGAPI_DSAPI": dsapi,
    "$IMGAPI_E404FILE": on_file(lambda data: not_found("no file")),
    "$IMGAPI_E500": always(error(500, "InternalError", "it broke")),
    "$IMGAPI_HTML": always(HTML),
    "$IMGAPI_NOFILES": on_manifest(without_files),
    "$IMGAPI_NOLEN": on_file(without_length),
    "$IMGAPI_NOORIGIN": no_origin,
    "$IMGAPI_NOSHA": on_manifest(without_sha1, on_file(corrupt)),
    "$IMGAPI_NOTIMGAPI": not_imgapi,
    "$IMGAPI_REDIRECT": redirect,
    "$IMGAPI_SHORT": on_file(lambda data: file_reply(data[:-10])),
    "$IMGAPI_SUBSET": subset,
    "$IMGAPI_TRUNC": on_file(truncated),
    "$IMGAPI_V1": version_1,
    "$IMGAPI_ZSTREAM": bare_stream,
}
