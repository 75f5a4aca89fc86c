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
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from imgadm.errors import InvalidURLError
from imgadm.redaction import SecretUrl
from imgadm.sources.identity import Trust, request_headers, trusted_certificates
from imgadm.sources.options import ClientOptions
from imgadm.sources.proxies import Proxies
from imgadm.sources.records import log_request, log_response
from imgadm.sources.urls import is_loopback, normalise_url
from imgadm.text import printable

MAX_REDIRECTS = 5


class RefusedRedirectError(requests.exceptions.InvalidSchema):
    """A redirect leads where we do not follow; to try again cannot help."""


class SourceAdapter(HTTPAdapter):
    """Sends one request: the proxy by its URL, a time limit unless the caller has one."""

    def __init__(
        self,
        proxies: Proxies,
        guard: _Guard,
        timeout: tuple[float, float],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._proxies = proxies
        self._guard = guard
        self._timeout = timeout
        self._tls = {} if tls is None else {"ssl_context": tls}
        super().__init__(pool_maxsize=16)

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
        """Send ``request``; what ``requests`` believes about proxies and trust is not asked."""
        del proxies, verify
        url = request.url or ""
        proxy = self._proxies.of(url)
        request.headers["date"] = formatdate(usegmt=True)
        verify = self._guard.check(url, proof="authorization" in request.headers)
        log_request(request)
        response = super().send(
            request,
            stream=stream,
            timeout=timeout or self._timeout,
            verify=verify,
            cert=cert,
            proxies={urlsplit(url).scheme: proxy.reveal()} if proxy else None,
        )
        log_response(response)
        if response.is_redirect:
            _drop_body(response)
        return response


class SourceSession(requests.Session):
    """Follows a few redirects, never from https to http; credentials stay with their host."""

    def __init__(self, proxies: Proxies, guard: _Guard) -> None:
        super().__init__()
        self._route = proxies
        self._guard = guard
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

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return where ``resp`` leads to; :class:`RefusedRedirectError` if we must not follow."""
        try:
            target = super().get_redirect_target(resp)
            if target is None:
                return None
            if not target.strip():
                raise RefusedRedirectError("a redirect to nowhere: its Location is empty")
            joined = urljoin(resp.url, target)
            scheme = urlsplit(joined).scheme
            if scheme not in ("http", "https"):
                shown = printable(scheme[:20])
                raise RefusedRedirectError(f"a redirect to a {shown}: address is not followed")
            normalise_url(joined, typed=False)
        except RefusedRedirectError:
            raise
        except InvalidURLError as error:
            raise RefusedRedirectError(f"a redirect to nowhere: {error.reason}") from None
        except ValueError:  # which quotes the address, secrets and all
            raise RefusedRedirectError("a redirect to nowhere: its Location is no URL") from None
        if scheme == "http" and urlsplit(resp.url).scheme == "https":
            raise RefusedRedirectError("a redirect from https to http is not followed")
        return target

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
) -> SourceSession:
    """Return a session; whoever asked for it closes it.

    ``insecure`` takes any certificate of the server at the URL ``home``, and of no other: where
    that redirects to is checked. ``tls`` knows certificates besides the usual ones. Raises
    :class:`ConfigError` for a CA file that is not there.
    """
    proxies = Proxies.from_environment(options.environment)
    guard = _Guard(options, Trust(options, insecure=home if insecure else None))
    session = SourceSession(proxies, guard)
    session.verify = trusted_certificates(options, insecure=insecure)
    if session.verify is False:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    session.auth = credentials
    session.headers.update(request_headers(options))
    adapter = SourceAdapter(
        proxies,
        guard,
        (
            options.within_patience(options.connect_timeout),
            options.within_patience(options.read_timeout),
        ),
        None if session.verify is False else tls,
    )
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _ignore(_host: str) -> None:
    """Tell nobody."""


def _drop_body(response: requests.Response) -> None:
    """Close a redirect's body, which ``requests`` would read to its end, however far that is."""
    response.raw.close()
    response.raw = io.BytesIO()
