"""Replies as data: a status, header fields, and a body in memory or an image's content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from imgadm.base.json_text import indented
from imgadm.base.text import excerpt
from imgadm.serve.content import GeneratedBytes, StoredBytes


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply to a request.

    Its body is ``body``, or the content of ``source``, which the connection closes when it has sent
    the reply. Of stored bytes it sends ``length`` bytes from ``offset`` on.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    source: StoredBytes | GeneratedBytes | None = None
    offset: int = 0
    length: int = 0

    @property
    def is_bare(self) -> bool:
        """Whether a reply with this status has no body by definition, not even an empty one."""
        return self.status in (204, 304)

    @property
    def content_length(self) -> int | None:
        """The length of the body in bytes; ``None`` if it has none, or the length is unknown."""
        if self.is_bare:
            return None
        if isinstance(self.source, StoredBytes):
            return self.length
        if isinstance(self.source, GeneratedBytes):
            return self.source.size
        return len(self.body)


class HttpError(Exception):
    """An error reply in the form that IMGAPI clients know.

    ``errors`` describe the parameters that are wrong.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        errors: list[dict[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"code": code, "message": message}
        if errors is not None:
            self.body["errors"] = errors
        self.headers = dict(headers or {})

    def reply(self) -> Reply:
        """Return the reply."""
        return json_reply(self.body, self.status, self.headers)


def not_found(message: str) -> HttpError:
    """Return the error for a resource that does not exist."""
    return HttpError(404, "ResourceNotFound", message)


def not_allowed(method: str, allowed: Sequence[str], why: str) -> HttpError:
    """Return the error for a method that the resource does not have; ``why`` ends its message."""
    headers = {"Allow": ", ".join(allowed)}
    message = f"{excerpt(method)} is not allowed, {why}"
    return HttpError(405, "MethodNotAllowedError", message, headers=headers)


def precondition_failed() -> HttpError:
    """Return the error for a condition of the client that does not hold."""
    return HttpError(
        412,
        "PreconditionFailed",
        "the image has changed: If-Match or If-Unmodified-Since does not hold",
    )


def invalid_parameter(name: str, message: str, code: str = "Invalid") -> HttpError:
    """Return the error for a parameter that is missing or makes no sense."""
    error = {"field": name, "code": code, "message": message}
    return HttpError(422, "InvalidParameter", f"invalid {name}: {message}", errors=[error])


def json_reply(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Return ``value`` as an indented JSON document."""
    body = indented(value).encode("utf-8", "replace") + b"\n"
    return Reply(status, {"Content-Type": "application/json", **(headers or {})}, body)


def json_etag(value: Any) -> str:
    """Return the entity tag of a JSON reply: the SHA-1 of its compact form."""
    compact = json.dumps(value, separators=(",", ":")).encode()
    return hashlib.sha1(compact, usedforsecurity=False).hexdigest()
