"""What a failed request or an unwelcome answer means, as a FetchError."""

from __future__ import annotations

import contextlib
import errno
import json
import socket
import ssl
from typing import TYPE_CHECKING, Any

from imgadm.redaction import redact_text, redact_url
from imgadm.streams.errors import FetchError
from imgadm.text import printable

if TYPE_CHECKING:
    from requests import Response

_BODY_READ = 64 * 1024
_BODY_SHOWN = 1024
_LINES = "\n\t"


def answer_error(response: Response) -> FetchError:
    """The error of an answer that is not the file: the server's own code and words, if any."""
    status = response.status_code
    text = _text(response)
    code, message = None, ""
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    if isinstance(body, dict):
        said = _first_error(body)
        code = said["code"] if isinstance(said.get("code"), str) else None
        message = said["message"] if isinstance(said.get("message"), str) else ""
        if message and said is not body:
            message = f"{_shown_url(response)}: {_one_line(message)}"
    if not message:
        kind = response.headers.get("Content-Type", "").partition(";")[0]
        message = f"{_shown_url(response)} answered {status} {response.reason}"
        if kind == "text/plain" and text.strip():
            message += f": {printable(redact_text(text.strip()[:_BODY_SHOWN]), keep=_LINES)}"
    return FetchError(message, code=code, status=status, headers=response.headers)


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
    import urllib3

    connection = response.raw.connection
    try:
        with response, contextlib.suppress(OSError, urllib3.exceptions.HTTPError):
            body: bytes = response.raw.read(_BODY_READ, decode_content=True)
            return body.decode(errors="replace")
    finally:
        if connection is not None:
            connection.close()  # or it waits in its pool for as long as the error is kept
    return ""


def connection_error(error: BaseException, url: str) -> FetchError:
    """The error of a request without an answer; its code is the name of the system's error."""
    shown = redact_url(url)
    if _leads_nowhere(error):
        return FetchError(f"{shown}: {_first_line(error)}", final=True)
    code, reason = root_cause(error)
    return FetchError(f"{shown}: {reason}", code=code)


def root_cause(error: BaseException) -> tuple[str | None, str]:
    """The name of the system's error that made a request fail, if it was one, and its words."""
    seen: list[BaseException] = []
    pending: list[object] = [error]
    while pending:
        current = pending.pop()
        if not isinstance(current, BaseException) or current in seen:
            continue
        seen.append(current)
        pending += [current.__cause__, current.__context__, getattr(current, "reason", None)]
        pending += list(current.args)
    for cause in seen:
        if isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
            return "ECONNRESET", "the connection was cut"
        if isinstance(cause, ssl.SSLError):
            return "TLS", f"TLS error: {getattr(cause, 'verify_message', '') or cause}"
    for cause in seen:
        if isinstance(cause, socket.gaierror):
            return "ENOTFOUND", f"host name not found ({cause.strerror})"
        if isinstance(cause, TimeoutError):
            return "ETIMEDOUT", "timed out"
        if isinstance(cause, OSError) and cause.errno:
            return errno.errorcode.get(cause.errno), cause.strerror or str(cause)
    if any("timeout" in type(cause).__name__.lower() for cause in seen):
        return "ETIMEDOUT", "timed out"
    return None, _first_line(error)


def _leads_nowhere(error: BaseException) -> bool:
    """Whether a redirect is not followed, which another attempt would not change."""
    import requests

    # Libraries raise ValueError, their own InvalidURL among it, for an address that is none.
    return isinstance(error, (requests.TooManyRedirects, ValueError))


def _first_line(error: BaseException) -> str:
    """What an exception says, without what in its URLs may let somebody in."""
    return _one_line(redact_text(str(error).partition("\n")[0]))


def _one_line(text: str) -> str:
    """The beginning of what a stranger wrote, without what a terminal would obey."""
    return printable(text[:_BODY_SHOWN])
