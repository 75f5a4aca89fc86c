"""The requests that change images: authentication, parameters and replies."""

from __future__ import annotations

import errno
import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imgadm.base.compressions import COMPRESSIONS
from imgadm.base.errors import FileSystemError
from imgadm.base.patterns import is_sha1
from imgadm.base.text import excerpt
from imgadm.manifest.parse import MAX_MANIFEST_BYTES
from imgadm.serve.catalogues.writable.refusals import Refusal, RefusedError, taken
from imgadm.serve.catalogues.writable.uploads import FileFacts
from imgadm.serve.catalogues.writable.writable_folder import WritableFolder
from imgadm.serve.http.conditions import Headers, Validators
from imgadm.serve.http.replies import (
    HttpError,
    Reply,
    invalid_parameter,
    json_etag,
    json_reply,
    not_allowed,
    not_found,
    precondition_failed,
)
from imgadm.serve.http.request_body import RequestBody
from imgadm.serve.imgapi.listing import Query
from imgadm.serve.imgapi.refusals import refusal_reply
from imgadm.serve.imgapi.submitted import submitted_manifest

_KNOWN_ELSEWHERE = ("update", "export", "change-stor", "channel-add", "import-from-datacenter")
"""Actions of IMGAPI that this server does not offer."""
_GUID = re.compile(r"[0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """A request that changes images.

    It is about all images if ``uuid`` is ``None``, else about one image, or, if ``is_file``, about
    the file of that image.
    """

    method: str
    uuid: str | None
    is_file: bool
    query: Query
    headers: Headers
    body: RequestBody


class Writer:
    """The changes that clients may make to the images of ``repository``.

    A client has to send the ``token``; without a token every client may change images. Only
    programs on this host should be able to reach such a server. It refuses the requests that a
    browser makes for a web page.
    """

    def __init__(self, repository: WritableFolder, token: str | None = None) -> None:
        self._repository = repository
        self._token = token

    def answer(self, request: WriteRequest) -> Reply:
        """Return the reply to ``request``; raises :class:`HttpError`."""
        self._check_caller(request.headers)
        try:
            return self._changed(request, dict(request.query))
        except RefusedError as error:
            raise refusal_reply(error) from error
        except (OSError, FileSystemError) as error:
            code = error.code if isinstance(error, FileSystemError) else _name_of(error)
            if code in ("ENOSPC", "EDQUOT"):
                message = "there is no space left on the disk of the server"
                raise refusal_reply(RefusedError(Refusal.NO_SPACE, message)) from error
            raise

    def _changed(self, request: WriteRequest, given: Mapping[str, str]) -> Reply:
        match (request.method, request.uuid, request.is_file):
            case ("POST", None, _):
                return self._create(request, given)
            case ("POST", str(uuid), False):
                return self._act(uuid, request, given)
            case ("PUT", str(uuid), True):
                if "source" in given:
                    raise _not_offered("files are not fetched from other servers")
                facts = _file_facts(given)
                return _image(self._repository.add_file(uuid, facts, request.body))
            case ("DELETE", str(uuid), False):
                self._repository.delete(uuid)
                return Reply(204)
            case (method, uuid, is_file):
                writing = "PUT" if is_file else "POST" if uuid is None else "POST, DELETE"
                raise not_allowed(method, ("GET", "HEAD", writing), "it does nothing here")

    def knows(self, headers: Headers) -> bool:
        """Tell whether the client may also see images that are not active."""
        if self._token is None:
            return True
        kind, _, token = (headers.get("Authorization") or "").partition(" ")
        same = hmac.compare_digest(token.strip().encode(), self._token.encode())
        return kind.lower() == "bearer" and same

    def _check_caller(self, headers: Headers) -> None:
        if self._token is None and headers.get("Origin") is not None:
            raise HttpError(403, "NotAuthorized", "web pages may not change images")
        if not self.knows(headers):
            raise HttpError(
                401,
                "UnauthorizedError",
                "this needs the token of the server, as Authorization: Bearer TOKEN",
                headers={"WWW-Authenticate": "Bearer"},
            )

    def _create(self, request: WriteRequest, given: Mapping[str, str]) -> Reply:
        if "action" in given:
            raise invalid_parameter("action", f'"{excerpt(given["action"])}" is not known here')
        return _image(self._repository.create(_manifest(request, None)))

    def _act(self, uuid: str, request: WriteRequest, given: Mapping[str, str]) -> Reply:
        action = given.get("action")
        if action == "import-remote":
            raise self._import_remote(uuid, given)
        if action == "import":
            if "source" in given:
                raise _not_offered("images are not fetched from other servers")
            if "account" in given:
                raise HttpError(403, "OperatorOnly", "an account cannot import images")
            return _image(self._repository.create(_manifest(request, uuid)))
        image = self._repository.find(uuid)
        if image is None:
            raise not_found(f'image "{uuid}" was not found')
        if Validators(json_etag(image.manifest)).precondition_fails(request.headers):
            raise precondition_failed()
        if action == "activate":
            return _image(self._repository.activate(uuid))
        if action in ("enable", "disable"):
            return _image(self._repository.disable(uuid, disabled=action == "disable"))
        if action is None:
            raise invalid_parameter("action", "it is missing", "MissingParameter")
        raise _unknown_action(action)

    def _import_remote(self, uuid: str, given: Mapping[str, str]) -> HttpError:
        """Return the reply to a request to import from another server, which is always refused.

        A request that other servers would refuse gets the same reply as from them.
        """
        if "account" in given:
            return HttpError(403, "OperatorOnly", "an account cannot import images")
        if not given.get("source"):
            error = {"field": "source", "code": "MissingParameter"}
            return HttpError(422, "ValidationFailed", "missing parameters: source", errors=[error])
        if self._repository.find(uuid) is not None:
            return refusal_reply(taken(uuid))
        return _not_available("import-remote")


def _name_of(error: OSError) -> str | None:
    return errno.errorcode.get(error.errno or 0)


def _image(manifest: Mapping[str, Any]) -> Reply:
    return json_reply(manifest, headers=Validators(json_etag(manifest)).headers())


def _manifest(request: WriteRequest, uuid: str | None) -> dict[str, Any]:
    kind = (request.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HttpError(400, "InvalidContent", "the manifest has to be sent as application/json")
    text = request.body.read(MAX_MANIFEST_BYTES)
    promised = request.headers.get("Content-MD5")
    if promised is not None and promised != _base64_md5(text):
        raise HttpError(400, "BadDigest", "the body does not have the MD5 of Content-MD5")
    return submitted_manifest(text, uuid)


def _base64_md5(text: bytes) -> str:
    return b64encode(hashlib.md5(text, usedforsecurity=False).digest()).decode("ascii")


def _file_facts(given: Mapping[str, str]) -> FileFacts:
    compression, sha1 = given.get("compression"), given.get("sha1")
    guid = given.get("dataset_guid")
    if compression is None:
        raise invalid_parameter("compression", "it is missing", "Missing")
    if compression not in COMPRESSIONS:
        wanted = ", ".join(COMPRESSIONS)
        raise invalid_parameter("compression", f'"{excerpt(compression)}" is none of {wanted}')
    if sha1 is not None and not is_sha1(sha1):
        raise invalid_parameter("sha1", f'"{excerpt(sha1)}" is not 40 hexadecimal digits')
    if guid is not None and not _GUID.fullmatch(guid):
        raise invalid_parameter("dataset_guid", f'"{excerpt(guid)}" is not a decimal number')
    return FileFacts(compression, None if sha1 is None else sha1.lower(), guid)


def _unknown_action(action: str) -> HttpError:
    """Return the refusal of an action, which says whether IMGAPI knows it."""
    if action in _KNOWN_ELSEWHERE:
        return _not_available(action)
    return invalid_parameter("action", f'"{excerpt(action)}" is not known here')


def _not_available(action: str) -> HttpError:
    return HttpError(
        501, "NotAvailable", f"this server does not offer {action}; imgadm publish sends images"
    )


def _not_offered(why: str) -> HttpError:
    return HttpError(400, "NotImplemented", why)
