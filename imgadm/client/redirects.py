"""The rules for following redirects of a source."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

import requests
from requests.models import REDIRECT_STATI

from imgadm.base.errors import InvalidURLError
from imgadm.base.text import printable
from imgadm.base.urls import normalise_url, port_of
from imgadm.streams.http.failures import address_of

MAX_REDIRECTS = 5
_NO_URL = "a redirect to nowhere: its Location is no URL"


class RefusedRedirectError(requests.exceptions.InvalidSchema):
    """A redirect that is never followed. Another attempt would fail in the same way."""


class _Server(NamedTuple):
    scheme: str
    host: str | None
    port: int | None

    @classmethod
    def of(cls, url: str) -> _Server:
        parts = urlsplit(url)
        return cls(parts.scheme, parts.hostname, port_of(parts))


def is_redirect(response: requests.Response) -> bool:
    """Tell whether the status of ``response`` is that of a redirect."""
    return response.status_code in REDIRECT_STATI


def check_redirect(response: requests.Response, target: str | None, *, stays_at_home: bool) -> None:
    """Raise :class:`RefusedRedirectError` unless the redirect to ``target`` may be followed.

    ``target`` is the Location of ``response``, None if it is no text. It must be an HTTP URL, and
    https if the redirect came over https. ``stays_at_home``: it must be on the same server.
    """
    reason = _refusal(response, target, stays_at_home=stays_at_home)
    if reason is not None:
        raise RefusedRedirectError(reason, response=response)


def _refusal(response: requests.Response, target: str | None, *, stays_at_home: bool) -> str | None:
    """Return why the redirect is not followed, None if it is."""
    if target is None:
        return _NO_URL
    if not target.strip():
        return f"a redirect to nowhere: status {response.status_code} without an address"
    try:
        url = urljoin(response.url, target)
        here, there = _Server.of(response.url), _Server.of(url)
        refusal = _refusal_between(here, there, address_of(url), stays_at_home=stays_at_home)
        if refusal is None:
            normalise_url(url, typed=False)
    except InvalidURLError as error:
        return f"a redirect to nowhere: {error.reason}"
    except ValueError:  # its text quotes the URL with its secrets
        return _NO_URL
    return refusal


def _refusal_between(
    here: _Server, there: _Server, address: str, *, stays_at_home: bool
) -> str | None:
    if there.scheme == "http" and here.scheme == "https":
        return "a redirect from https to http is not followed"
    if there.scheme not in ("http", "https"):
        return f"a redirect to a {printable(there.scheme[:20])}: address is not followed"
    if not there.host:
        return "a redirect to nowhere: its address has no host"
    at_home = [here]
    if (here.scheme, here.port) == ("http", 80):
        at_home.append(_Server("https", here.host, 443))
    if stays_at_home and there not in at_home:
        return f"a redirect to another server, {address}, is not followed with a password or token"
    return None
