"""A :class:`requests.Session` with our rules for trust, proxies, redirects and patience.

The environment is read once, by us: ``requests`` reads it anew for every request and lets a CA
variable switch certificate checks back on that ``verify=False`` had switched off
(https://github.com/psf/requests/issues/3829), and a proxy of the session hides ``no_proxy``
(https://github.com/psf/requests/issues/5000).
"""

from __future__ import annotations

import io
from email.utils import formatdate
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from imgadm.sources.identity import request_headers, trusted_certificates
from imgadm.sources.options import ClientOptions
from imgadm.sources.proxies import Proxies
from imgadm.sources.records import log_request, log_response

MAX_REDIRECTS = 5


class RefusedRedirectError(requests.exceptions.InvalidSchema):
    """A redirect leads where we do not follow; to try again cannot help."""


class SourceAdapter(HTTPAdapter):
    """Sends one request: the proxy by its URL, a time limit unless the caller has one."""

    def __init__(self, proxies: Proxies, timeout: tuple[float, float]) -> None:
        self._proxies = proxies
        self._timeout = timeout
        super().__init__(pool_maxsize=16)

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
        response = super().send(
            request,
            stream=stream,
            timeout=timeout or self._timeout,
            verify=verify,
            cert=cert,
            proxies={urlsplit(url).scheme: proxy} if proxy else None,
        )
        log_response(response)
        if response.is_redirect:
            _drop_body(response)
        return response


class SourceSession(requests.Session):
    """Follows a few redirects, never from https to http; credentials stay with their host."""

    def __init__(self, proxies: Proxies) -> None:
        super().__init__()
        self._route = proxies
        self.max_redirects = MAX_REDIRECTS
        self.trust_env = False

    def merge_environment_settings(self, url: Any, *arguments: Any, **settings: Any) -> Any:
        """Return how to send a request to ``url``, for those who send it without our adapter."""
        merged = super().merge_environment_settings(url, *arguments, **settings)
        proxy = self._route.of(url)
        return {**merged, "proxies": {urlsplit(url).scheme: proxy} if proxy else {}}

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return where ``resp`` leads to; :class:`RefusedRedirectError` if we must not follow."""
        try:
            target = super().get_redirect_target(resp)
            scheme = urlsplit(urljoin(resp.url, target)).scheme if target else None
        except ValueError as error:
            raise RefusedRedirectError(f"a redirect to nowhere: {error}") from error
        if scheme is None or scheme == "https" or scheme == urlsplit(resp.url).scheme:
            return target
        if scheme == "http":
            raise RefusedRedirectError("a redirect from https to http is not followed")
        raise RefusedRedirectError(f"a redirect to a {scheme}: address is not followed")

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
    credentials: tuple[str, str] | None = None,
) -> SourceSession:
    """Return a session; whoever asked for it closes it.

    ``insecure`` takes any certificate. Raises :class:`ConfigError` for a CA file that is not there.
    """
    proxies = Proxies.from_environment(options.environment)
    session = SourceSession(proxies)
    session.verify = trusted_certificates(options, insecure=insecure)
    if session.verify is False:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    session.auth = credentials
    session.headers.update(request_headers(options))
    adapter = SourceAdapter(
        proxies,
        (
            options.within_patience(options.connect_timeout),
            options.within_patience(options.read_timeout),
        ),
    )
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _drop_body(response: requests.Response) -> None:
    """Close a redirect's body, which ``requests`` would read to its end, however far that is."""
    response.raw.close()
    response.raw = io.BytesIO()
