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

from imgadm.base.errors import InvalidURLError
from imgadm.base.redaction import SecretUrl
from imgadm.base.text import printable
from imgadm.base.urls import is_loopback, normalise_url
from imgadm.client.identity import Trust, request_headers, tls_of, trusted_certificates
from imgadm.client.options import ClientOptions
from imgadm.client.proxies import Proxies
from imgadm.client.traffic import log_request, log_response
from imgadm.streams.http.connection import TimedAdapter
from imgadm.streams.http.failures import address_of

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
        self,
        proxies: Proxies,
        guard: _Guard,
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
        super().init_poolmanager(connections, maxsize, block, **options, **self._tls)

    def proxy_manager_for(self, proxy: str, **options: Any) -> urllib3.ProxyManager:
        if urlsplit(proxy).scheme == "https":
            # It is checked whatever is said of the server: it may get a password of ours.
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
        """Send ``request``; what ``requests`` believes about proxies and trust is not asked."""
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
        if response.status_code in REDIRECT_STATI:
            _drop_body(response)
        return response


class SourceSession(requests.Session):
    """Follows a few redirects, never from https to http; credentials stay with their host.

    One that ``stays_at_home`` follows them to the same server only.
    """

    def __init__(self, proxies: Proxies, guard: _Guard, *, stays_at_home: bool = False) -> None:
        super().__init__()
        self._route = proxies
        self._guard = guard
        self._stays_at_home = stays_at_home
        self.max_redirects = MAX_REDIRECTS
        self.trust_env = False

    def merge_environment_settings(self, url: Any, *arguments: Any, **settings: Any) -> Any:
        """Return how to send a request to ``url``, for those who send it without our adapter."""
        merged = super().merge_environment_settings(url, *arguments, **settings)
        proxy = self._route.of(url)
        proof = self.auth is not None or "authorization" in self.headers
        return {
            **merged,
            "verify": self._guard.check(url, proof=proof),
            "proxies": {urlsplit(url).scheme: proxy.reveal()} if proxy else {},
        }

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
            here, there = _server(resp.url), _server(url)
            self._check_redirect(here, there, address_of(url))
            normalise_url(url, typed=False)
        except RefusedRedirectError:
            raise
        except InvalidURLError as error:
            raise RefusedRedirectError(f"a redirect to nowhere: {error.reason}") from None
        except ValueError:  # which quotes the address, secrets and all
            raise RefusedRedirectError("a redirect to nowhere: its Location is no URL") from None
        return target

    def _check_redirect(self, here: _Server, there: _Server, address: str) -> None:
        if there.scheme == "http" and here.scheme == "https":
            raise RefusedRedirectError("a redirect from https to http is not followed")
        if there.scheme not in _PORTS:
            raise RefusedRedirectError(
                f"a redirect to a {printable(there.scheme[:20])}: address is not followed"
            )
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


class _Guard:
    """What is looked at before each request goes out, and who hears of it."""

    def __init__(self, options: ClientOptions, trust: Trust) -> None:
        self._options = options
        self._trust = trust

    def check(self, url: str, *, proof: bool) -> bool | str:
        """Return which certificates count for ``url``, after telling what ought to be known.

        ``proof`` says that the request has a header that proves who we are.
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


def make_session(
    options: ClientOptions,
    *,
    home: str = "",
    insecure: bool = False,
    credentials: tuple[str, str] | AuthBase | None = None,
    tls: ssl.SSLContext | None = None,
    stays_at_home: bool = False,
) -> SourceSession:
    """Return a session; whoever asked for it closes it.

    ``insecure`` takes any certificate of the server at the URL ``home``, and of no other: where
    that redirects to is checked. ``tls`` knows certificates besides the usual ones. One that
    ``stays_at_home`` follows redirects to the same server only. Raises :class:`ConfigError` for a
    CA file that is not there.
    """
    proxies = Proxies.from_environment(options.environment)
    guard = _Guard(options, Trust(options, insecure=home if insecure else None))
    session = SourceSession(proxies, guard, stays_at_home=stays_at_home)
    session.verify = trusted_certificates(options, insecure=insecure)
    if session.verify is False:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    session.auth = credentials
    session.headers.update(request_headers(options))
    adapter = SourceAdapter(proxies, guard, options, None if session.verify is False else tls)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _ignore(_host: str) -> None:
    """Tell nobody."""


def _drop_body(response: requests.Response) -> None:
    """Close a redirect's body, which ``requests`` would read to its end, however far that is."""
    response.raw.close()
    response.raw = io.BytesIO()
