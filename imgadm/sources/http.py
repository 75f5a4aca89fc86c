"""Requests to one source: repeated where that helps, bounded in size and time."""

from __future__ import annotations

import http
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

import requests
import urllib3
from requests.auth import AuthBase

from imgadm.manifest import JSONError, parse_json
from imgadm.manifest.values import display
from imgadm.sources.errors import SourceError, StatusError, UnreachableError, UnusableReplyError
from imgadm.sources.failures import source_error
from imgadm.sources.options import ClientOptions, Retry
from imgadm.sources.proxies import Proxies
from imgadm.sources.records import log_body
from imgadm.sources.session import make_session
from imgadm.sources.urls import redact_url

REPLY_SECONDS = 300
RETRY_SECONDS = 15
MAX_RETRY_AFTER = 60
"""Seconds that a server may ask us to wait; what asks for more has failed."""

_BLOCK = 256 << 10
_SHOWN_BODY = 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply. ``source`` names the source in errors.

    ``etag`` is what the server will know this content by, empty where it must be asked for anew.
    """

    source: str
    status: int
    content_type: str
    body: bytes
    etag: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        """Return the value in the body.

        Raises :class:`StatusError` for a status of 400 and more, :class:`UnusableReplyError` for a
        body that is not JSON.
        """
        try:
            value = parse_json(self.body)
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
            got += f", {display(self.content_type)}"
        reason = f"a JSON reply was expected, got {got}: {display(' '.join(text.split()))}"
        if not text.strip():
            reason = f"a JSON reply was expected, got {got} and an empty body"
        return UnusableReplyError(
            self.source,
            reason,
            ping=self._ping_cause(text),
            is_web_page=self.content_type == "text/html" and self.status < 500,
            cause=error,
        )

    def _ping_cause(self, text: str) -> str:
        shown = text[:_SHOWN_BODY] + ("..." if len(text) > _SHOWN_BODY else "")
        lines = ["".join(c for c in line if c.isprintable()) for line in shown.splitlines()]
        head = f"Error: statusCode {self.status}, response not JSON:"
        return "\n    ".join([head, *lines])


_STATUSES = frozenset(status.value for status in http.HTTPStatus)
_BUSY = (429, 502, 503, 504)
"""Statuses of a server that may do better in a while."""


class HttpClient:
    """The connections to one source. Usable from several threads; :meth:`close` ends them.

    ``source`` names the source in errors and is shown without its password; ``headers`` go with
    all requests. ``credentials`` are a user and a password, or know themselves how to be sent.
    ``tls`` knows certificates besides the usual ones. Unless they are ``persistent``, each
    connection is for one request. What a ``secret`` client gets is not logged, and it follows no
    redirects.
    """

    def __init__(
        self,
        source: str,
        options: ClientOptions,
        *,
        headers: Mapping[str, str],
        insecure: bool = False,
        credentials: tuple[str, str] | AuthBase | None = None,
        tls: ssl.SSLContext | None = None,
        persistent: bool = True,
        secret: bool = False,
    ) -> None:
        self._persistent = persistent
        self._secret = secret
        self.session = make_session(options, insecure=insecure, credentials=credentials, tls=tls)
        self.session.headers.update(headers)
        self._source = redact_url(source)
        self._options = options
        self._proxies = Proxies.from_environment(options.environment)

    def close(self) -> None:
        """End all connections."""
        self.session.close()

    def get(
        self,
        url: str,
        *,
        limit: int,
        known: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Return the reply to a GET of ``url``, whatever its status; at most ``limit`` bytes.

        ``known`` is the entity tag of what we have already: the status is 304 if that is current.
        A request that failed on its way, or met a server that is overloaded (429, 502, 503, 504),
        runs again while that is likely to help soon. Raises :class:`SourceError`.
        """
        tag = {"if-none-match": known} if known else {}
        return self._repeatedly("GET", url, limit, headers={**(headers or {}), **tag})

    def ask(self, url: str, form: Mapping[str, str], *, limit: int) -> Reply:
        """Return the reply to a POST of ``form`` that changes nothing, as :meth:`get` does."""
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return self._repeatedly("POST", url, limit, headers=kind, body=urlencode(form).encode())

    def _repeatedly(
        self,
        method: str,
        url: str,
        limit: int,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
    ) -> Reply:
        clock = self._options.clock
        deadline = clock() + RETRY_SECONDS
        for attempt, delay in enumerate((*self._options.delays(), None), start=1):
            try:
                reply = self._once(method, url, limit, headers=headers, body=body)
                if reply.status not in _BUSY:
                    return reply
                failure = f"HTTP status {reply.status}"
                error = None
                asked = retry_after(reply.headers)
            except UnreachableError as unreachable:
                failure, error, asked = unreachable.reason, unreachable, 0.0
            lasting = (error is not None and error.permanent) or asked > MAX_RETRY_AFTER
            if delay is None or lasting or clock() > deadline:
                break
            deadline += asked
            self._wait(failure, attempt, max(delay, asked))
        if error is not None:
            raise error
        return reply

    def send(self, method: str, url: str, *, body: bytes, limit: int) -> Reply:
        """Return the reply to a request that changes something; ``body`` is JSON.

        It runs again only if there was no connection, and redirects are not followed: nobody could
        tell what has been done. Raises :class:`SourceError`.
        """
        kind = {"content-type": "application/json"}
        for attempt, delay in enumerate((*self._options.delays(), None), start=1):
            try:
                reply = self._once(method, url, limit, headers=kind, body=body)
                break
            except UnreachableError as error:
                if delay is None or error.permanent or not error.unsent:
                    raise
                self._wait(error.reason, attempt, delay)
        if 300 <= reply.status < 400:
            raise UnusableReplyError(
                self._source,
                f"it redirects, with status {reply.status}: use the address that leads to",
            )
        return reply

    def reply(self, status: int, content_type: str, body: bytes) -> Reply:
        """Return as a reply what the server said to a request that somebody else made."""
        return Reply(self._source, status, content_type, body)

    def _wait(self, failure: str, attempt: int, delay: float) -> None:
        if self._options.on_retry:
            self._options.on_retry(Retry(self._source, failure, attempt, delay))
        self._options.sleep(delay)

    def _once(
        self,
        method: str,
        url: str,
        limit: int,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
    ) -> Reply:
        began = self._options.clock()
        try:
            with self.session.request(
                method,
                url,
                data=body,
                headers=headers,
                stream=True,
                allow_redirects=body is None and not self._secret,
            ) as response:
                got = b"" if response.is_redirect else self._body(response, limit, began)
                if not self._secret:
                    log_body(got)
                return Reply(
                    self._source,
                    response.status_code,
                    response.headers.get("content-type", "").partition(";")[0].strip().lower(),
                    got,
                    _etag(response),
                    response.headers,
                )
        except SourceError:
            raise
        except (
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            OSError,
            ValueError,
        ) as error:
            raise self._failure(url, error) from error
        finally:
            if not self._persistent:
                self.session.close()

    def _failure(self, url: str, error: Exception) -> SourceError:
        proxy = self._proxies.of(url)
        return source_error(self._source, error, redact_url(proxy) if proxy else None)

    def _body(self, response: requests.Response, limit: int, began: float) -> bytes:
        seconds = self._options.within_patience(REPLY_SECONDS)
        body = bytearray()
        encoding = response.headers.get("content-encoding", "identity")
        if encoding != "identity":
            raise UnusableReplyError(
                self._source, f"the reply is packed as {display(encoding)}, which nobody asked for"
            )
        while block := response.raw.read1(_BLOCK, decode_content=False):
            body += block
            if len(body) > limit:
                raise UnusableReplyError(self._source, f"the reply is longer than {limit} bytes")
            if self._options.clock() > began + seconds:
                raise UnreachableError(
                    self._source,
                    f"the reply is not complete after {seconds:g} seconds",
                    code="ETIMEDOUT",
                    permanent=True,
                )
        return bytes(body)


def _etag(response: requests.Response) -> str:
    """Return the entity tag of a reply that may be kept, which after a redirect is another's."""
    if response.history or "no-store" in response.headers.get("cache-control", "").lower():
        return ""
    return response.headers.get("etag", "").strip()


def retry_after(headers: Mapping[str, str]) -> float:
    """Return how many seconds a server asks us to wait (RFC 9110, section 10.2.3), else 0.

    A date counts from the server's own clock.
    """
    given = headers.get("retry-after", "").strip()
    if given.isascii() and given.isdigit():
        return float(given[:9])
    try:
        now = headers.get("date") or formatdate(usegmt=True)
        wait = parsedate_to_datetime(given) - parsedate_to_datetime(now)
    except (ValueError, TypeError):
        return 0.0
    return max(wait.total_seconds(), 0.0)
