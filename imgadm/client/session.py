"""A :class:`requests.Session` with imgadm's rules for trust, proxies, redirects and time limits.

imgadm reads the environment itself, once. ``requests`` would read it for every request, and would
let a CA variable switch on the certificate checks that ``verify=False`` had switched off
(https://github.com/psf/requests/issues/3829). A proxy set on the session would hide ``no_proxy``
(https://github.com/psf/requests/issues/5000).
"""

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.auth import AuthBase

from imgadm.client.adapter import Guard, SourceAdapter
from imgadm.client.identity import Trust, request_headers, trusted_certificates
from imgadm.client.options import ClientOptions
from imgadm.client.proxies import Proxies
from imgadm.client.redirects import MAX_REDIRECTS, check_redirect, is_redirect


class SourceSession(requests.Session):
    """A session that follows few redirects, and none from https to http.

    It sends credentials only to the host that they are for. ``stays_at_home``: redirects to another
    server are refused.
    """

    def __init__(self, proxies: Proxies, guard: Guard, *, stays_at_home: bool = False) -> None:
        super().__init__()
        self._route = proxies
        self._guard = guard
        self._stays_at_home = stays_at_home
        self.max_redirects = MAX_REDIRECTS
        self.trust_env = False

    def merge_environment_settings(self, url: Any, *arguments: Any, **settings: Any) -> Any:
        """Return the settings of a request to ``url`` for a sender that bypasses our adapter."""
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
        """Yield the answers of the redirects that ``resp`` begins.

        Yields nothing with ``yield_requests``, which ``requests`` passes when the caller does not
        want to follow redirects.
        """
        if yield_requests:
            return iter(())
        return super().resolve_redirects(resp, req, *arguments, **settings)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return the URL that ``resp`` redirects to, None if it is no redirect.

        Raises :class:`imgadm.client.redirects.RefusedRedirectError` for a redirect that must not be
        followed.
        """
        if not is_redirect(resp):
            return None
        try:
            target = super().get_redirect_target(resp) or ""
        except ValueError:
            target = None
        check_redirect(resp, target, stays_at_home=self._stays_at_home)
        return target

    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        """Remove from a redirected request the headers that were meant only for the first URL."""
        prepared_request.headers.pop("if-none-match", None)
        super().rebuild_auth(prepared_request, response)  # type: ignore[no-untyped-call]


def make_session(
    options: ClientOptions,
    *,
    home: str = "",
    insecure: bool = False,
    credentials: tuple[str, str] | AuthBase | None = None,
    tls: ssl.SSLContext | None = None,
    stays_at_home: bool = False,
) -> SourceSession:
    """Return a session, which the caller closes.

    ``insecure`` accepts any certificate of the server at the URL ``home``, and of no other: servers
    that it redirects to are checked. ``tls`` has certificates besides the usual ones.
    ``stays_at_home`` refuses redirects to another server. Raises :class:`ConfigError` for a CA file
    that does not exist.
    """
    proxies = Proxies.from_environment(options.environment)
    guard = Guard(options, Trust(options, insecure=home if insecure else None))
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
