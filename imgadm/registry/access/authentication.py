"""The authentication of requests to a registry, in the way that the registry asks for."""

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
    """The authentication of the requests for one repository.

    After an answer of 401 the request is sent once more, with what the answer asks for. ``root`` is
    the URL of the registry; no other server gets a credential or a token. ``scope`` is the scope to
    ask for if the registry names none. ``credentials`` is called at the first need of credentials,
    and may raise. Usable from several threads.
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
        # The registry will ask for the same again, so the next request brings it at once.
        self._challenge: Challenge | None = None

    @property
    def sent_credentials(self) -> bool:
        """Whether the registry asked for credentials, and we had some."""
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
        """Return the answer to a second request that brings what the registry asks for.

        Without credentials of the right kind, return the first answer.
        """
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
        """Return the value of the header Authorization, ``None`` without credentials of that kind.

        ``refused`` is the value that the registry has just refused, or empty.
        """
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
    """Read a short answer to its end, which frees the connection; close that of a long one."""
    with contextlib.suppress(urllib3.exceptions.HTTPError, OSError):
        response.raw.read(_READ_OF_REFUSAL, decode_content=False)
    response.close()
