"""Proving to a registry who we are, when it asks, with what it asks for."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.auth import AuthBase

from imgadm.base.text import excerpt
from imgadm.registry.access.challenges import Challenge, parse_challenges
from imgadm.registry.access.credentials import Credentials
from imgadm.registry.access.tokens import Grant, Tokens, basic
from imgadm.registry.errors import UnauthorizedError

_MAX_SCOPES = 16
_READ_OF_REFUSAL = 16 << 10


class RegistryAuth(AuthBase):
    """What goes with the requests for one repository; an answer of 401 is asked again, once.

    ``root`` is the URL of the registry, and nothing is sent to another server. ``scope`` is asked
    for where the registry does not say which one it wants. ``credentials`` is called when they are
    needed, and may raise. Usable from several threads.
    """

    def __init__(
        self,
        root: str,
        scope: str,
        tokens: Tokens,
        credentials: Callable[[], Credentials | None],
    ) -> None:
        self._root = root
        self._scope = scope
        self._tokens = tokens
        self._find_credentials = credentials
        self._lock = threading.Lock()
        self._known = False
        self._credentials: Credentials | None = None
        #: What the registry asked for last time, which it will want of the next request too.
        self._challenge: Challenge | None = None

    @property
    def sent_credentials(self) -> bool:
        """Whether the registry wanted to know who we are, and we could say so."""
        with self._lock:
            return self._credentials is not None

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.register_hook("response", self._answer)  # type: ignore[no-untyped-call]
        challenge = self._challenge
        if challenge is not None and self._is_ours(request.url):
            proof = self._proof(challenge, refused="")
            if proof is not None:
                request.headers["Authorization"] = proof
        return request

    def _answer(self, response: requests.Response, **options: Any) -> requests.Response:
        """Ask again with what the registry wants; its own answer where we have nothing better."""
        if response.status_code != 401 or not self._is_ours(response.url):
            return response
        sent = str(response.request.headers.get("Authorization", ""))
        try:
            challenge = self._choose(response)
            proof = self._proof(challenge, refused=sent)
        except BaseException:
            response.close()
            raise
        if proof is None or proof == sent:
            return response
        self._challenge = challenge
        _free_connection(response)
        again = response.request.copy()
        again.headers["Authorization"] = proof
        repeated: requests.Response = response.connection.send(again, **options)
        repeated.request = again
        return repeated

    def _choose(self, response: requests.Response) -> Challenge:
        header = response.headers.get("www-authenticate", "")
        challenges = {
            challenge.scheme: challenge for challenge in reversed(parse_challenges(header))
        }
        if not challenges:
            path = urlsplit(response.url).path
            raise UnauthorizedError(
                self._root, f'missing WWW-Authenticate header in 401 response to "GET {path}"'
            )
        for scheme in ("bearer", "basic"):
            if scheme in challenges:
                return challenges[scheme]
        schemes = excerpt(", ".join(sorted(challenges)))
        raise UnauthorizedError(self._root, f'unsupported auth scheme: "{schemes}"')

    def _proof(self, challenge: Challenge, *, refused: str) -> str | None:
        """Return the header's value; ``None`` if we have no credentials of the kind."""
        credentials = self._our_credentials()
        if challenge.scheme == "basic":
            return basic(credentials) if credentials is not None and credentials.username else None
        if credentials is not None and credentials.registry_token:
            return f"Bearer {credentials.registry_token}"
        scopes = tuple(challenge.parameters.get("scope", self._scope).split()[:_MAX_SCOPES])
        grant = Grant(
            challenge.parameters.get("realm", ""),
            challenge.parameters.get("service", ""),
            scopes,
        )
        token = self._tokens.get(grant, credentials, refused=refused.removeprefix("Bearer "))
        return f"Bearer {token}"

    def _our_credentials(self) -> Credentials | None:
        with self._lock:
            if not self._known:
                self._credentials = self._find_credentials()
                self._known = True
            return self._credentials

    def _is_ours(self, url: str | None) -> bool:
        ours, theirs = urlsplit(self._root), urlsplit(url or "")
        return (ours.scheme, ours.netloc) == (theirs.scheme, theirs.netloc)


def _free_connection(response: requests.Response) -> None:
    """Make the connection of a short answer one to use again, and end that of a long one."""
    with contextlib.suppress(urllib3.exceptions.HTTPError, OSError):
        response.raw.read(_READ_OF_REFUSAL, decode_content=False)
    response.close()
