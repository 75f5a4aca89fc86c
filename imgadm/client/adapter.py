"""The transport of a session: certificates, proxies, time limits and warnings of each request."""

from __future__ import annotations

import io
import ssl
from email.utils import formatdate
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from imgadm.base.redaction import SecretUrl
from imgadm.base.urls import is_loopback
from imgadm.client.identity import Trust, tls_of, trusted_certificates
from imgadm.client.options import ClientOptions
from imgadm.client.proxies import Proxies
from imgadm.client.redirects import is_redirect
from imgadm.client.traffic_log import log_request, log_response
from imgadm.streams.http.connection import TimedAdapter


class Guard:
    """The certificates that count for a request, and warnings about missing protection."""

    def __init__(self, options: ClientOptions, trust: Trust) -> None:
        self._options = options
        self._trust = trust

    def check(self, url: str, *, proof: bool) -> bool | str:
        """Return ``verify`` for a request to ``url``, and call the warnings of the options.

        ``proof``: the request has a header with a password or token.
        """
        parts = urlsplit(url)
        shown = parts.netloc.rpartition("@")[2]
        verify = self._trust.of(url)
        if parts.scheme == "https":
            if verify is False:
                (self._options.on_unchecked or _ignore)(shown)
        elif (proof or SecretUrl(url).has_secret) and not is_loopback(shown):
            (self._options.on_exposed or _ignore)(shown)
        return verify


class SourceAdapter(TimedAdapter):
    """The adapter of a session, which sends single requests.

    It chooses the proxy by the URL, and sets the time limits of the options where the caller sets
    none. ``IMGADM_PATIENCE`` bounds the limits of either. ``tls`` has certificates besides the
    usual ones.
    """

    def __init__(
        self,
        proxies: Proxies,
        guard: Guard,
        options: ClientOptions,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._proxies = proxies
        self._guard = guard
        self._options = options
        self._tls = {} if tls is None else {"ssl_context": tls}
        seconds = options.connect_timeout + options.read_timeout
        super().__init__(options.within_patience(seconds), pool_maxsize=16)

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **options: Any
    ) -> None:
        """Make the pools of connections, with our certificates."""
        super().init_poolmanager(connections, maxsize, block, **options, **self._tls)

    def proxy_manager_for(self, proxy: str, **options: Any) -> urllib3.ProxyManager:
        """Return the pools of connections through ``proxy``.

        The certificate of an https proxy is always checked, since it may get a password of ours.
        """
        if urlsplit(proxy).scheme == "https":
            options["proxy_ssl_context"] = tls_of(trusted_certificates(self._options))
        manager: urllib3.ProxyManager = super().proxy_manager_for(proxy, **options, **self._tls)
        return manager

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Send ``request``. ``verify`` and ``proxies`` are ignored: the options decide both."""
        del proxies, verify
        url = request.url or ""
        proxy = self._proxies.of(url)
        request.headers["date"] = formatdate(usegmt=True)
        verify = self._guard.check(url, proof="authorization" in request.headers)
        log_request(request)
        within_patience = self._options.within_patience
        given = timeout or (self._options.connect_timeout, self._options.read_timeout)
        response = super().send(
            request,
            stream=stream,
            timeout=(within_patience(given[0]), within_patience(given[1])),
            verify=verify,
            cert=cert,
            proxies={urlsplit(url).scheme: proxy.reveal()} if proxy else None,
        )
        log_response(response)
        if is_redirect(response):
            _drop_body(response)
        return response


def _ignore(_host: str) -> None:
    """Do nothing."""


def _drop_body(response: requests.Response) -> None:
    """Close the body of a redirect. ``requests`` would read it to its end, however long it is."""
    response.raw.close()
    response.raw = io.BytesIO()
