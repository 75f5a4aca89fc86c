"""The errors of a download: for a failed request, and for an answer that is not the file."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from imgadm.base.patterns import is_error_code
from imgadm.base.redaction import redact_text, redact_url
from imgadm.base.text import excerpt
from imgadm.streams.errors import FetchError
from imgadm.streams.http.answers.codings import Uncoded, coding_of
from imgadm.streams.http.failures import failure_of, request_errors

if TYPE_CHECKING:
    from requests import Response

_BODY_READ = 64 * 1024
_BODY_SECONDS = 10.0


def connection_error(error: BaseException, asked: str, *, at: str | None = None) -> FetchError:
    """Return the error of a request to the URL ``asked`` that brought no usable answer.

    ``at`` is the URL of the answer whose body was being read, if there was one.
    """
    failure = failure_of(error, asked, at=at)
    return FetchError(failure.message, code=failure.code, final=failure.permanent)


def answer_error(response: Response) -> FetchError:
    """Return the error of an answer that is not the file.

    The error has the server's own code and message if the body has them, as JSON of an image server
    or of a registry. This reads the body, and closes the connection.
    """
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
        code = given if is_error_code(given) else None
        message = excerpt(said["message"]) if isinstance(said.get("message"), str) else ""
        if message and said is not body:
            message = f"{_shown_url(response)}: {message}"
    if not message:
        message = f"{_shown_url(response)} answered {status} {excerpt(response.reason or '')}"
        if _content_type(response) == "text/plain" and text.strip():
            message += f": {excerpt(redact_text(' '.join(text.split())))}"
    return FetchError(message, code=code, status=status, headers=response.headers)


def _content_type(response: Response) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _first_error(body: dict[str, Any]) -> dict[str, Any]:
    """Return the object with code and message: the body, or a registry's first error in it."""
    errors = body.get("errors")
    if "code" not in body and isinstance(errors, list) and errors and isinstance(errors[0], dict):
        return errors[0]
    return body


def _shown_url(response: Response) -> str:
    return redact_url(response.url)


def _text(response: Response) -> str:
    """Return the beginning of the body, or less if the connection fails before."""
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
            connection.close()  # otherwise its pool keeps it open for as long as the error is kept
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
