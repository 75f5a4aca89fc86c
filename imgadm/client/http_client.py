"""Requests to one source, bounded in size and time, and made again where that helps."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

import requests
from requests.auth import AuthBase

from imgadm.base.redaction import redact_url
from imgadm.client.budget import REPLY_SECONDS, Budget
from imgadm.client.errors import SourceError, UnreachableError, UnusableReplyError
from imgadm.client.options import ClientOptions, Retry
from imgadm.client.proxies import Proxies
from imgadm.client.redirects import is_redirect
from imgadm.client.reply import ServerReply, kept_etag, read_body
from imgadm.client.session import make_session
from imgadm.client.traffic_log import log_body
from imgadm.streams.http.failures import failure_of, request_errors
from imgadm.streams.http.retries import BUSY, RetryPolicy, retry_after


class HttpClient:
    """The connections to one source. Usable from several threads; :meth:`close` ends them.

    ``source`` names the source in errors, where its secrets are hidden. ``insecure`` is about the
    server at the URL ``home``, by default that of ``source``. ``headers`` go with all requests.
    ``credentials`` are a user and a password, or an object that adds them to requests. ``tls`` has
    certificates besides the usual ones. Unless ``persistent``, each connection is for one request.
    The replies to a ``secret`` client are not logged, and it follows redirects to the same server
    only.
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
        """Return the reply to a GET of ``url``, whatever its status.

        ``limit`` is the longest body in bytes, or a budget, which bounds the time as well and is
        left unchanged. ``known`` is the entity tag of the content that the caller has: the status
        is 304 if that is current. A status of 203 becomes 200. The request is made again after a
        failure of the connection, or if the server is busy, as long as that is likely to help soon.
        Raises :class:`SourceError`.
        """
        tag = {"if-none-match": known} if known else {}
        sent = {**(headers or {}), **tag}
        return self._repeatedly(lambda: self._once("GET", url, limit, headers=sent, follow=True))

    def ask(self, url: str, form: Mapping[str, str], *, limit: int) -> ServerReply:
        """Return the reply to a POST of ``form`` that changes nothing on the server.

        ``limit`` is the longest body in bytes. The request is made again as in :meth:`get`. Raises
        :class:`SourceError`.
        """
        kind = {"content-type": "application/x-www-form-urlencoded"}
        body = urlencode(form).encode()
        return self._repeatedly(
            lambda: self._once("POST", url, limit, headers=kind, body=body, follow=True)
        )

    def send(self, method: str, url: str, *, body: bytes, limit: int) -> ServerReply:
        """Return the reply to a request that changes something; ``body`` is JSON.

        The request is made again only if there was no connection, and redirects are not followed.
        After any other failure, the server may already have made the change. Raises
        :class:`SourceError`.
        """
        kind = {"content-type": "application/json"}
        reply = self._repeatedly(
            lambda: self._once(method, url, limit, headers=kind, body=body, follow=False),
            changes=True,
        )
        if 300 <= reply.status < 400:
            raise UnusableReplyError(
                self._source,
                f"it redirects with status {reply.status}; use the address that it redirects to",
            )
        return reply

    def reply(self, status: int, content_type: str, body: bytes) -> ServerReply:
        """Return the server's answer to a request that was not made by this client."""
        return ServerReply(self._source, status, content_type, body)

    def _repeatedly(
        self, request: Callable[[], ServerReply], *, changes: bool = False
    ) -> ServerReply:
        """Return the reply to ``request``, made again as the options say.

        ``changes``: the request changes something, so that it may reach the server only once.
        """
        retries = self._options.retries()
        began = self._options.clock()
        while True:
            failure = None
            asked = 0.0
            try:
                reply = request()
                if changes or reply.status not in BUSY:
                    return reply
                reason, asked = f"HTTP status {reply.status}", retry_after(reply.headers)
            except UnreachableError as error:
                if error.permanent or (changes and not error.unsent):
                    raise
                failure, reason = error, error.reason
            following = retries.after_failure(asked=asked, elapsed=self._options.clock() - began)
            if following is None:
                if failure is not None:
                    raise failure
                return reply
            retries = following
            self._wait(reason, retries)

    def _wait(self, reason: str, retries: RetryPolicy) -> None:
        if self._options.on_retry:
            self._options.on_retry(Retry(self._source, reason, retries.failures, retries.pause))
        self._options.sleep(retries.pause)

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

        at = None
        try:
            with self.session.request(
                method,
                url,
                data=body,
                headers=headers,
                stream=True,
                allow_redirects=follow,
            ) as response:
                at = response.url
                got = b""
                if not is_redirect(response):
                    got = read_body(response, budget.size, check_time)
                return self._reply(response, got)
        except SourceError:
            raise
        except request_errors() as error:
            raise self._failure(error, url, at) from error
        finally:
            if not self._persistent:
                self.session.close()

    def _reply(self, response: requests.Response, body: bytes) -> ServerReply:
        if not self._secret:
            log_body(body)
        return ServerReply(
            self._source,
            200 if response.status_code == 203 else response.status_code,
            response.headers.get("content-type", "").partition(";")[0].strip().lower(),
            body,
            kept_etag(response),
            response.headers,
        )

    def _failure(self, error: Exception, url: str, at: str | None) -> SourceError:
        """Return the error to raise for ``error``, which a request to ``url`` raised.

        ``at`` is the URL of the answer whose body was being read, if there was one.
        """
        failure = failure_of(error, url, at=at)
        reason = failure.spelled
        proxy = self._proxies.of(url)
        if failure.proxied and proxy:
            reason += f" (proxy {redact_url(proxy)})"
        if failure.redirected:
            reason += f" (redirected to {failure.address})"
        if failure.code is None:
            return UnusableReplyError(self._source, reason, cause=error)
        return UnreachableError(
            self._source,
            reason,
            code=failure.code,
            permanent=failure.permanent,
            unsent=failure.unsent,
            cause=error,
        )
