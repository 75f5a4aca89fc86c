"""The reply to each request of an IMGAPI client, without any knowledge of sockets."""

from __future__ import annotations

import re
from base64 import b64encode
from contextlib import ExitStack
from urllib.parse import parse_qsl, unquote

from imgadm import __version__
from imgadm.base.patterns import UUID
from imgadm.base.text import excerpt
from imgadm.serve.catalogues.catalogue import Catalogue, HostedImage
from imgadm.serve.catalogues.shared_work import waiting_by
from imgadm.serve.content import GeneratedBytes
from imgadm.serve.http.conditions import Headers, UnsatisfiableRangeError, Validators, parse_range
from imgadm.serve.http.host_names import HostNames
from imgadm.serve.http.replies import (
    HttpError,
    Reply,
    json_etag,
    json_reply,
    not_allowed,
    not_found,
    precondition_failed,
)
from imgadm.serve.http.request import HttpRequest
from imgadm.serve.imgapi.listing import Query, select
from imgadm.serve.imgapi.writer import Writer, WriteRequest

MD5_SECONDS = 50.0
"""The longest time, in seconds, that the first client of a file waits for its MD5.

Web servers in between give up after a minute. A client that does not want the MD5 (RFC 9530) does
not wait.
"""
_METHODS = ("GET", "HEAD")
_MAX_PARAMETERS = 64

_TARGET = re.compile(
    r"(?:[Hh][Tt][Tt][Pp][Ss]?://([^/?#]*)(?=[/?]|\Z)|(?=/))([^?#]*)(?:\?([^#]*))?"
)
_NO_MD5 = re.compile(r"(?:^|,)[ \t]*md5[ \t]*=[ \t]*0[ \t]*(?:,|$)")
_IMAGE = re.compile(rf"/images/({UUID})(/file)?/?")


class Routes:
    """The requests about the images of ``catalogue``, and their replies.

    ``writer`` answers the requests that change images. A request that names another server than
    ``host_names`` allow is refused.
    """

    def __init__(self, catalogue: Catalogue, writer: Writer | None, host_names: HostNames) -> None:
        self._catalogue = catalogue
        self._writer = writer
        self._host_names = host_names

    def answer(self, request: HttpRequest) -> Reply:
        """Return the reply to ``request``.

        Raises :class:`HttpError`. Errors of the catalogue pass through.
        """
        with waiting_by(request.wait):
            return self._answer(request)

    def _answer(self, request: HttpRequest) -> Reply:
        method, headers = request.head.method, request.head.headers
        authority, path, query = _split(request.head.target)
        if authority is None:
            authority = headers.get("Host")
        if authority is not None:
            self._host_names.check(authority)
        image = _IMAGE.fullmatch(path)
        if image is None and path.rstrip("/") not in ("/ping", "/images"):
            raise not_found(f"{excerpt(path)} does not exist")
        if method not in _METHODS:
            if self._writer is None:
                raise not_allowed(method, _METHODS, "this server can only be read")
            if path.startswith("/ping"):
                raise not_allowed(method, _METHODS, "nothing is there to change")
            uuid, is_file = (None, False) if image is None else (image[1], bool(image[2]))
            return self._writer.answer(
                WriteRequest(method, uuid, is_file, query, headers, request.body)
            )
        if image is None:
            return self._ping() if path.startswith("/ping") else self._images(query, headers)
        hosted = self._catalogue.find(image[1])
        if hosted is None or not self._may_see(hosted, headers):
            raise not_found(f'image "{image[1]}" was not found')
        if image[2]:
            return _file(hosted, method, headers)
        return _conditional_json(hosted.manifest, headers)

    def _ping(self) -> Reply:
        return json_reply({"ping": "pong", "version": __version__, "imgapi": True})

    def _images(self, query: Query, headers: Headers) -> Reply:
        manifests = [image.manifest for image in self._catalogue.images()]
        if self._writer is not None and not self._writer.knows(headers):
            manifests = [one for one in manifests if one.get("state", "active") == "active"]
        return _conditional_json(select(manifests, query), headers)

    def _may_see(self, image: HostedImage, headers: Headers) -> bool:
        """Tell whether a client may see the image if it names it.

        Every client may see an image that was activated.
        """
        if self._writer is None or self._writer.knows(headers):
            return True
        return image.manifest.get("state", "active") in ("active", "disabled")


def _split(target: str) -> tuple[str | None, str, Query]:
    """Return the server that ``target`` names (``None`` if none), the path and the query."""
    match = _TARGET.fullmatch(target)
    if match is None:
        raise _malformed()
    try:
        path = unquote(match[2] or "/", errors="strict")
        query = parse_qsl(
            match[3] or "", keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS
        )
    except ValueError as error:
        raise _malformed() from error
    return match[1], path, query


def _malformed() -> HttpError:
    return HttpError(400, "BadRequestError", "the request target is malformed")


def _conditional_json(value: object, headers: Headers) -> Reply:
    validators = Validators(json_etag(value))
    if validators.precondition_fails(headers):
        raise precondition_failed()
    if validators.not_modified(headers):
        return Reply(304, validators.headers())
    return json_reply(value, headers=validators.headers())


def _file(image: HostedImage, method: str, headers: Headers) -> Reply:
    source = image.open_file()
    if source is None:
        raise not_found(f'image "{image.manifest["uuid"]}" has no file')
    content = {"Content-Type": "application/octet-stream"}
    if isinstance(source, GeneratedBytes):
        return Reply(200, content | _md5_field(source.md5), source=source)
    with ExitStack() as unless_sent:
        unless_sent.callback(source.close)
        validators = Validators(str(image.manifest["files"][0]["sha1"]), source.modified)
        if validators.precondition_fails(headers):
            raise precondition_failed()
        content |= validators.headers() | {"Accept-Ranges": "bytes"}
        if validators.not_modified(headers):
            return Reply(304, content)
        part = None
        if method == "GET" and validators.range_applies(headers):
            part = _part(headers.get("Range"), source.size)
        if part is None:
            content |= _md5_field(source.md5(0 if _refuses_md5(headers) else MD5_SECONDS))
        unless_sent.pop_all()
    if part is None:
        return Reply(200, content, source=source, length=source.size)
    offset, length = part
    content["Content-Range"] = f"bytes {offset}-{offset + length - 1}/{source.size}"
    return Reply(206, content, source=source, offset=offset, length=length)


def _refuses_md5(headers: Headers) -> bool:
    """Tell whether the client says that it has no use for the MD5 of the file (RFC 9530)."""
    return _NO_MD5.search(headers.get("Want-Repr-Digest") or "") is not None


def _md5_field(digest: bytes | None) -> dict[str, str]:
    """Return the field by which IMGAPI clients check a whole file (RFC 1864)."""
    return {} if digest is None else {"Content-MD5": b64encode(digest).decode("ascii")}


def _part(header: str | None, size: int) -> tuple[int, int] | None:
    try:
        return parse_range(header, size)
    except UnsatisfiableRangeError:
        raise HttpError(
            416,
            "RequestedRangeNotSatisfiable",
            f"the file has {size} bytes",
            headers={"Content-Range": f"bytes */{size}"},
        ) from None
