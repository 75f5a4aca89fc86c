"""The whole reply of a server, and its body as JSON."""

from __future__ import annotations

import http
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from imgadm.base.json_input import MAX_VALUES, JSONError, parse_json
from imgadm.base.redaction import redact_text
from imgadm.base.text import excerpt, printable
from imgadm.client.budget import MAX_ERROR_BYTES
from imgadm.client.errors import StatusError, UnusableReplyError
from imgadm.streams.http.answers.codings import Uncoded, coding_of
from imgadm.streams.http.failures import BadAnswerError

_BLOCK = 256 << 10
_SHOWN_BODY = 1024
_STATUSES = frozenset(status.value for status in http.HTTPStatus)


@dataclass(frozen=True, slots=True)
class ServerReply:
    """A whole reply. ``source`` names the source in errors.

    ``etag`` is the entity tag under which the content may be kept, empty if it may not.
    """

    source: str
    status: int
    content_type: str
    body: bytes
    etag: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def json(self, *, max_values: int = MAX_VALUES) -> Any:
        """Return the JSON value in the body.

        Raises :class:`StatusError` for a status of 400 and more, and :class:`UnusableReplyError`
        for a body that is not JSON, or has more than ``max_values`` values in it.
        """
        try:
            value = parse_json(self.body, max_values=max_values)
        except JSONError as error:
            raise self._not_json(error) from error
        if self.status >= 400:
            if isinstance(value, dict):
                raise StatusError(self.source, self.status, value)
            raise self._not_json(None)
        return value

    def _not_json(self, error: JSONError | None) -> UnusableReplyError:
        text = self.body[: 4 * _SHOWN_BODY].decode(errors="replace")
        phrase = http.HTTPStatus(self.status).phrase if self.status in _STATUSES else ""
        got = f"status {self.status}{' ' + phrase if phrase else ''}"
        if self.content_type:
            got += f", {excerpt(self.content_type)}"
        reason = f"a JSON reply was expected, got {got}: {excerpt(' '.join(text.split()))}"
        if not text.strip():
            reason = f"a JSON reply was expected, got {got} and an empty body"
        elif error is not None and error.is_too_big:
            reason = f"the reply cannot be taken: {error}"
        return UnusableReplyError(
            self.source,
            reason,
            ping=self._ping_cause(text),
            is_web_page=self.content_type == "text/html" and self.status < 500,
            cause=error,
        )

    def _ping_cause(self, text: str) -> str:
        shown = text[:_SHOWN_BODY] + ("..." if len(text) > _SHOWN_BODY else "")
        lines = [printable(redact_text(line)) for line in shown.splitlines()]
        head = f"Error: statusCode {self.status}, response not JSON:"
        return "\n    ".join([head, *lines])


def read_body(response: requests.Response, limit: int, check_time: Callable[[], None]) -> bytes:
    """Return the body of ``response``: at most ``limit`` bytes, coded and decoded.

    Of an answer with a status of 400 or more, only the beginning is read, and an unusable body is
    left out, since the status says enough. Raises :class:`BadAnswerError` for a body that is too
    long or in an unknown coding, and whatever ``check_time`` raises.
    """
    if response.status_code < 400:
        return b"".join(_blocks(response, limit, check_time))
    body = bytearray()
    try:
        for block in _blocks(response, MAX_ERROR_BYTES + _BLOCK, check_time):
            body += block
            if len(body) > MAX_ERROR_BYTES:
                break
    except BadAnswerError:
        pass
    response.close()
    return bytes(body[:MAX_ERROR_BYTES])


def _blocks(
    response: requests.Response, limit: int, check_time: Callable[[], None]
) -> Iterator[bytes]:
    read = decoded = 0

    def read_some(size: int) -> bytes:
        nonlocal read
        check_time()
        data: bytes = response.raw.read1(size, decode_content=False)
        read += len(data)
        return data

    coding = coding_of(response.headers.get("content-encoding"))
    next_block = read_some if coding is None else Uncoded(coding, read_some).read
    while block := next_block(_BLOCK):
        decoded += len(block)
        if max(read, decoded) > limit:
            raise BadAnswerError(f"the reply is longer than {limit} bytes")
        yield block


def kept_etag(response: requests.Response) -> str:
    """Return the entity tag of a reply that may be kept, empty for one that may not.

    After a redirect the tag belongs to another URL. With a status of 203 it does not belong to this
    body, which a proxy has changed.
    """
    if response.history or response.status_code == 203:
        return ""
    if "no-store" in response.headers.get("cache-control", "").lower():
        return ""
    return response.headers.get("etag", "").strip()
