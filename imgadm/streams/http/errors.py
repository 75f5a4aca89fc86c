"""What a failed request or an unwelcome answer means, as a FetchError."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from imgadm.base.redaction import redact_text, redact_url
from imgadm.streams.errors import FetchError
from imgadm.streams.http.codings import Uncoded, coding_of
from imgadm.streams.http.failures import address_of, failure_of, one_line, request_errors

if TYPE_CHECKING:
    from requests import Response

_BODY_READ = 64 * 1024
_BODY_SECONDS = 10.0
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


def answer_error(response: Response) -> FetchError:
    """The error of an answer that is not the file: the server's own code and words, if any."""
    status = response.status_code
    text = _text(response)
    code, message = None, ""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, dict):
        said = _first_error(body)
        given = said.get("code")
        code = given if isinstance(given, str) and _CODE.fullmatch(given) else None
        message = one_line(said["message"]) if isinstance(said.get("message"), str) else ""
        if message and said is not body:
            message = f"{_shown_url(response)}: {message}"
    if not message:
        message = f"{_shown_url(response)} answered {status} {one_line(response.reason or '')}"
        if content_type(response) == "text/plain" and text.strip():
            message += f": {one_line(redact_text(' '.join(text.split())))}"
    return FetchError(message, code=code, status=status, headers=response.headers)


def content_type(response: Response) -> str:
    """The media type of an answer, without its parameters."""
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _first_error(body: dict[str, Any]) -> dict[str, Any]:
    """What has code and message: a body itself, or, of a Docker registry, its first error."""
    errors = body.get("errors")
    if "code" not in body and isinstance(errors, list) and errors and isinstance(errors[0], dict):
        return errors[0]
    return body


def _shown_url(response: Response) -> str:
    """Where an answer came from, without the secrets of that address."""
    return redact_url(response.url)


def _text(response: Response) -> str:
    """The beginning of the body, as far as it came."""
    connection = response.raw.connection
    body = b""
    try:
        with (
            response,
            contextlib.suppress(*request_errors()),
        ):
            for piece in _pieces(response):
                body += piece
                if len(body) >= _BODY_READ:
                    break
    finally:
        if connection is not None:
            connection.close()  # or it waits in its pool for as long as the error is kept
    return body[:_BODY_READ].decode(errors="replace")


def _pieces(response: Response) -> Iterator[bytes]:
    def read(size: int) -> bytes:
        data: bytes = response.raw.read1(size, decode_content=False)
        return data

    deadline = time.monotonic() + _BODY_SECONDS
    coding = coding_of(response.headers.get("Content-Encoding"))
    uncoded = None if coding is None else Uncoded(coding, read)
    while time.monotonic() < deadline:
        data = read(_BODY_READ) if uncoded is None else uncoded.read(_BODY_READ)
        if not data:
            return
        yield data


def connection_error(error: BaseException, url: str) -> FetchError:
    """The error of a request to ``url`` without a usable answer.

    Its code is the name of the system's error. After a redirect it names the address that failed.
    """
    failure = failure_of(error)
    at = failure.address
    where = redact_url(url) if at is None or at == address_of(url) else at
    return FetchError(f"{where}: {failure.words}", code=failure.code, final=failure.permanent)
