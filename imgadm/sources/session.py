"""A :class:`requests.Session` with our rules for trust, proxies, redirects and patience.

The environment is read once, by us: ``requests`` reads it anew for every request and lets a CA
variable switch certificate checks back on that ``verify=False`` had switched off
(https://github.com/psf/requests/issues/3829), and a proxy of the session hides ``no_proxy``
(https://github.com/psf/requests/issues/5000).
"""

from __future__ import annotations

import io
import ssl
from email.utils import formatdate
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.auth import AuthBase
from requests.models import REDIRECT_STATI
from urllib3.util import parse_url

from imgadm.sources.identity import request_headers, trusted_certificates
from imgadm.sources.options import ClientOptions
from imgadm.sources.proxies import Proxies
from imgadm.sources.records import log_request, log_response
from imgadm.streams.http_connection import TimedAdapter
from imgadm.streams.http_failures import address_of, first_line

MAX_REDIRECTS = 5
_PORTS = {"http": 80, "https": 443}


class RefusedRedirectError(requests.exceptions.InvalidSchema):
    """A redirect leads where we do not follow; to try again cannot help."""


class _Server(NamedTuple):
    scheme: str
    host: str | None
    port: int | None


def _server(url: str) -> _Server:
    parts = urlsplit(url)
    return _Server(parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme))


class SourceAdapter(TimedAdapter):
    """Sends one request: the proxy by its URL, a time limit unless the caller has one.

    However long that is, what ``IMGADM_PATIENCE`` allows for an answer is the most.
    """

    def __init__(
        self, proxies: Proxies, options: ClientOptions, tls: ssl.SSLContext | None = None
    ) -> None:
        self._proxies = proxies
        self._options = options
        self._tls = {} if tls is None else {"ssl_context": tls}
        seconds = options.connect_timeout + options.read_timeout
        super().__init__(options.within_patience(seconds), pool_maxsize=16)

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **options: Any
    ) -> None:
        super().init_poolmanager(connections, maxsize, block, **options, **self._tls)

    def proxy_manager_for(self, proxy: str, **options: Any) -> urllib3.ProxyManager:
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
        """Send ``request``; what ``requests`` believes about proxies is not asked."""
        del proxies
        url = request.url or ""
        proxy = self._proxies.of(url)
        request.headers["date"] = formatdate(usegmt=True)
        log_request(request)
        within_patience = self._options.within_patience
        given = timeout or (self._options.connect_timeout, self._options.read_timeout)
        response = super().send(
            request,
            stream=stream,
            timeout=(within_patience(given[0]), within_patience(given[1])),
            verify=verify,
            cert=cert,
            proxies={urlsplit(url).scheme: proxy} if proxy else None,
        )
        log_response(response)
        if response.status_code in REDIRECT_STATI:
            _drop_body(response)
        return response


class SourceSession(requests.Session):
    """Follows a few redirects, never from https to http; credentials stay with their host.

    One that ``stays_at_home`` follows them to the same server only.
    """

    def __init__(self, proxies: Proxies, *, stays_at_home: bool = False) -> None:
        super().__init__()
        self._route = proxies
        self._stays_at_home = stays_at_home
        self.max_redirects = MAX_REDIRECTS
        self.trust_env = False

    def merge_environment_settings(self, url: Any, *arguments: Any, **settings: Any) -> Any:
        """Return how to send a request to ``url``, for those who send it without our adapter."""
        merged = super().merge_environment_settings(url, *arguments, **settings)
        proxy = self._route.of(url)
        return {**merged, "proxies": {urlsplit(url).scheme: proxy} if proxy else {}}

    def resolve_redirects(
        self, resp: Any, req: Any, *arguments: Any, yield_requests: bool = False, **settings: Any
    ) -> Any:
        """Look where a redirect leads only if it is to be followed."""
        if yield_requests:
            return iter(())
        return super().resolve_redirects(resp, req, *arguments, **settings)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return where ``resp`` leads to; :class:`RefusedRedirectError` if we must not follow."""
        if resp.status_code not in REDIRECT_STATI:
            return None
        try:
            target = super().get_redirect_target(resp) or ""
            if not target.strip():
                raise RefusedRedirectError(
                    f"a redirect to nowhere: status {resp.status_code} without an address"
                )
            url = urljoin(resp.url, target)
            parse_url(url)
            here, there = _server(resp.url), _server(url)
        except (ValueError, urllib3.exceptions.LocationParseError) as error:
            if isinstance(error, RefusedRedirectError):
                raise
            raise RefusedRedirectError(f"a redirect to nowhere: {first_line(error)}") from error
        self._check_redirect(here, there, address_of(url))
        return target

    def _check_redirect(self, here: _Server, there: _Server, address: str) -> None:
        if there.scheme == "http" and here.scheme == "https":
            raise RefusedRedirectError("a redirect from https to http is not followed")
        if there.scheme not in _PORTS:
            raise RefusedRedirectError(f"a redirect to a {there.scheme}: address is not followed")
        if not there.host:
            raise RefusedRedirectError("a redirect to nowhere: its address has no host")
        at_home = [here]
        if (here.scheme, here.port) == ("http", 80):
            at_home.append(_Server("https", here.host, 443))
        if self._stays_at_home and there not in at_home:
            raise RefusedRedirectError(
                f"a redirect to another server, {address}, is not followed with a password or token"
            )

    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        """Leave out, where a redirect leads, what was meant for the first address alone."""
        prepared_request.headers.pop("if-none-match", None)
        super().rebuild_auth(prepared_request, response)  # type: ignore[no-untyped-call]


def make_session(
    options: ClientOptions,
    *,
    insecure: bool = False,
    credentials: tuple[str, str] | AuthBase | None = None,
    tls: ssl.SSLContext | None = None,
    stays_at_home: bool = False,
) -> SourceSession:
    """Return a session; whoever asked for it closes it.

    ``insecure`` takes any certificate, ``tls`` knows certificates besides the usual ones. One that
    ``stays_at_home`` follows redirects to the same server only. Raises :class:`ConfigError` for a
    CA file that is not there.
    """
    proxies = Proxies.from_environment(options.environment)
    session = SourceSession(proxies, stays_at_home=stays_at_home)
    session.verify = trusted_certificates(options, insecure=insecure)
    if session.verify is False:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    session.auth = credentials
    session.headers.update(request_headers(options))
    adapter = SourceAdapter(proxies, options, None if session.verify is False else tls)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _drop_body(response: requests.Response) -> None:
    """Close a redirect's body, which ``requests`` would read to its end, however far that is."""
    response.raw.close()
    response.raw = io.BytesIO()
