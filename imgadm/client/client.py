"""Requests to one source: repeated where that helps, bounded in size and time."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from urllib.parse import urlencode

from requests.auth import AuthBase
from requests.models import REDIRECT_STATI

from imgadm.base.redaction import redact_url
from imgadm.client.budget import REPLY_SECONDS, Budget
from imgadm.client.errors import SourceError, UnreachableError, UnusableReplyError
from imgadm.client.failures import source_error
from imgadm.client.options import ClientOptions, Retry
from imgadm.client.proxies import Proxies
from imgadm.client.reply import ServerReply, kept_etag, read_body
from imgadm.client.session import make_session
from imgadm.client.traffic import log_body
from imgadm.streams.http.failures import request_errors
from imgadm.streams.http.retries import BUSY, retry_after


class HttpClient:
    """The connections to one source. Usable from several threads; :meth:`close` ends them.

    ``source`` names the source in errors and is shown without its secrets; ``home`` is the URL of
    the server that ``insecure`` is about, ``source`` if left out. ``headers`` go with all requests.
    ``credentials`` are a user and a password, or know themselves how to be sent. ``tls`` knows
    certificates besides the usual ones. Unless they are ``persistent``, each connection is for one
    request. What a ``secret`` client gets is not logged, and it follows redirects to the same
    server only.
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
        home: str | None = None,
    ) -> None:
        self._persistent = persistent
        self._secret = secret
        self.session = make_session(
            options,
            home=source if home is None else home,
            insecure=insecure,
            credentials=credentials,
            tls=tls,
            stays_at_home=secret,
        )
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
        limit: int | Budget,
        known: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> ServerReply:
        """Return the reply to a GET of ``url``, whatever its status; at most ``limit`` bytes.

        A ``limit`` that is a budget bounds the time as well, and loses nothing by it. ``known`` is
        the entity tag of what we have already: the status is 304 if that is current. A status of
        203 is told as 200. A request that failed on its way, or met a server that is busy, runs
        again while that is likely to help soon. Raises :class:`SourceError`.
        """
        tag = {"if-none-match": known} if known else {}
        return self._repeatedly("GET", url, limit, headers={**(headers or {}), **tag})

    def ask(self, url: str, form: Mapping[str, str], *, limit: int) -> ServerReply:
        """Return the reply to a POST of ``form`` that changes nothing, as :meth:`get` does."""
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return self._repeatedly("POST", url, limit, headers=kind, body=urlencode(form).encode())

    def _repeatedly(
        self,
        method: str,
        url: str,
        limit: int | Budget,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
    ) -> ServerReply:
        retries = self._options.retries()
        began = self._options.clock()
        granted = 0.0  # to servers that asked for it
        attempt = 0
        while True:
            attempt += 1
            failure = None
            asked = 0.0
            try:
                reply = self._once(method, url, limit, headers=headers, body=body, follow=True)
                if reply.status not in BUSY:
                    return reply
                reason, asked = f"HTTP status {reply.status}", retry_after(reply.headers)
            except UnreachableError as error:
                failure, reason = error, error.reason
            elapsed = self._options.clock() - began - granted
            wait = retries.wait(attempt, asked=asked, elapsed=elapsed)
            if failure is not None and (wait is None or failure.permanent):
                raise failure
            if wait is None:
                return reply
            granted += asked
            self._wait(reason, attempt, wait)

    def send(self, method: str, url: str, *, body: bytes, limit: int) -> ServerReply:
        """Return the reply to a request that changes something; ``body`` is JSON.

        It runs again only if there was no connection, and redirects are not followed: nobody could
        tell what has been done. Raises :class:`SourceError`.
        """
        kind = {"content-type": "application/json"}
        retries = self._options.retries()
        attempt = 0
        while True:
            attempt += 1
            try:
                reply = self._once(method, url, limit, headers=kind, body=body, follow=False)
                break
            except UnreachableError as error:
                wait = retries.wait(attempt)
                if wait is None or error.permanent or not error.unsent:
                    raise
                self._wait(error.reason, attempt, wait)
        if 300 <= reply.status < 400:
            raise UnusableReplyError(
                self._source,
                f"it redirects, with status {reply.status}: use the address that leads to",
            )
        return reply

    def reply(self, status: int, content_type: str, body: bytes) -> ServerReply:
        """Return as a reply what the server said to a request that somebody else made."""
        return ServerReply(self._source, status, content_type, body)

    def _wait(self, failure: str, attempt: int, delay: float) -> None:
        if self._options.on_retry:
            self._options.on_retry(Retry(self._source, failure, attempt, delay))
        self._options.sleep(delay)

    def _once(
        self,
        method: str,
        url: str,
        limit: int | Budget,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        follow: bool,
    ) -> ServerReply:
        patience = self._options.within_patience(REPLY_SECONDS)
        ends = self._options.clock() + patience
        budget = limit if isinstance(limit, Budget) else Budget(limit, 0, ends)

        def check_time() -> None:
            if self._options.clock() > min(ends, budget.ends):
                raise UnreachableError(
                    self._source,
                    f"the reply is not complete after {patience:g} seconds",
                    code="ETIMEDOUT",
                    permanent=True,
                )

        try:
            with self.session.request(
                method,
                url,
                data=body,
                headers=headers,
                stream=True,
                allow_redirects=follow,
            ) as response:
                got = b""
                if response.status_code not in REDIRECT_STATI:
                    got = read_body(response, budget.size, check_time)
                if not self._secret:
                    log_body(got)
                return ServerReply(
                    self._source,
                    200 if response.status_code == 203 else response.status_code,
                    response.headers.get("content-type", "").partition(";")[0].strip().lower(),
                    got,
                    kept_etag(response),
                    response.headers,
                )
        except SourceError:
            raise
        except request_errors() as error:
            raise self._failure(url, error) from error
        finally:
            if not self._persistent:
                self.session.close()

    def _failure(self, url: str, error: Exception) -> SourceError:
        proxy = self._proxies.of(url)
        return source_error(self._source, error, url, redact_url(proxy) if proxy else None)
