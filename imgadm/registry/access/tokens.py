"""Tokens for requests to a registry, from the authorization server that the registry names.

The protocol is that of Docker's token authentication, with its OAuth 2 form for identity tokens.
"""

from __future__ import annotations

import re
import threading
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from imgadm.base.errors import ConfigError
from imgadm.base.json_values import is_number
from imgadm.base.redaction import redact_url
from imgadm.base.text import excerpt
from imgadm.base.urls import is_loopback, normalise_url
from imgadm.client.errors import SourceError
from imgadm.client.http_client import HttpClient
from imgadm.client.options import ClientOptions
from imgadm.client.reply import ServerReply
from imgadm.registry.access.certificates import tls_for
from imgadm.registry.access.credentials import Credentials
from imgadm.registry.errors import RegistryError, UnauthorizedError

_MAX_REPLY_BYTES = 1 << 20
_TOKEN = re.compile(r"[!-~]{1,65535}")
_CLIENT_ID = "imgadm"
_USUAL_SECONDS = 60.0
_MARGIN = 0.1
"""The last fraction of its lifetime in which a token is no longer used: clocks differ."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The purpose of a token: ``realm`` and ``service`` of a registry's challenge, and scopes."""

    realm: str
    service: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    good_until: float


class Tokens:
    """The tokens for one registry, each fetched at first need and again before it expires.

    ``registry`` is the URL of the registry. An authorization server on plain http gets a request
    in two cases only: it and the registry are on this machine, or it is the registry itself and
    ``insecure``. ``insecure`` does not excuse the certificate of another server. Usable from
    several threads.
    """

    def __init__(self, registry: str, options: ClientOptions, *, insecure: bool) -> None:
        self._registry = registry
        self._options = options
        self._insecure = insecure
        self._lock = threading.Lock()
        self._tokens: dict[Grant, _Token] = {}

    def get(self, grant: Grant, credentials: Credentials | None, *, refused: str = "") -> str:
        """Return a token for ``grant``.

        It differs from ``refused``, the token that the registry has just refused. Raises
        :class:`SourceError`.
        """
        with self._lock:
            token = self._tokens.get(grant)
            if token is None or token.text == refused or self._options.clock() >= token.good_until:
                token = self._tokens[grant] = self._fetch(grant, credentials)
            return token.text

    def _fetch(self, grant: Grant, credentials: Credentials | None) -> _Token:
        self._check_realm(grant.realm)
        began = self._options.clock()
        client = HttpClient(
            grant.realm,
            self._options,
            headers={},
            home=self._registry,
            insecure=self._insecure,
            tls=tls_for(grant.realm, self._options.environment),
            secret=True,
        )
        try:
            reply = self._ask(client, grant, credentials)
        except SourceError as error:
            raise RegistryError(
                self._registry,
                f"token auth attempt for {self._registry}: {error.message}",
                code=error.code,
                cause=error,
            ) from error
        finally:
            client.close()
        text, seconds = self._read(reply, grant, credentials)
        return _Token(text, began + seconds * (1 - _MARGIN))

    def _ask(
        self, client: HttpClient, grant: Grant, credentials: Credentials | None
    ) -> ServerReply:
        if credentials is not None and credentials.identity_token:
            form = {
                "grant_type": "refresh_token",
                "service": grant.service,
                "scope": " ".join(grant.scopes),
                "client_id": _CLIENT_ID,
                "refresh_token": credentials.identity_token,
            }
            reply = client.ask(grant.realm, form, limit=_MAX_REPLY_BYTES)
            if reply.status not in (404, 405):
                return reply
            # Servers without the OAuth 2 form take the token for a password.
            credentials = Credentials("<token>", credentials.identity_token)
        query = [("service", grant.service)] if grant.service else []
        query += [("scope", scope) for scope in grant.scopes]
        headers = {}
        if credentials is not None and credentials.username:
            query.append(("account", credentials.username))
            headers["authorization"] = basic(credentials)
        return client.get(_with_query(grant.realm, query), limit=_MAX_REPLY_BYTES, headers=headers)

    def _check_realm(self, realm: str) -> None:
        try:
            parts = urlsplit(realm if realm.isascii() and realm.isprintable() else "")
            normalise_url(realm, typed=False)
        except (ValueError, ConfigError):
            parts = urlsplit("")
        if parts.scheme == "https" and parts.netloc:
            return
        if parts.scheme == "http" and (
            self._is_here(parts.netloc)
            or (self._insecure and parts.netloc == urlsplit(self._registry).netloc)
        ):
            return
        raise UnauthorizedError(
            self._registry,
            f'the registry sends us for a token to "{excerpt(redact_url(realm))}", an https '
            "address was expected",
        )

    def _is_here(self, address: str) -> bool:
        """Tell whether both the registry and ``address`` are on this machine."""
        return is_loopback(urlsplit(self._registry).netloc) and is_loopback(address)

    def _read(
        self, reply: ServerReply, grant: Grant, credentials: Credentials | None
    ) -> tuple[str, float]:
        """Return the token of an answer, and the number of seconds that it is valid for."""
        where = redact_url(grant.realm)
        if reply.status in (401, 403):
            todo = (
                "check user and password, or log in again"
                if credentials
                else f"log in, there are no credentials for {urlsplit(self._registry).netloc}"
            )
            raise UnauthorizedError(
                self._registry,
                f"{where} refuses a token for {excerpt(' '.join(grant.scopes)) or self._registry} "
                f"(HTTP status {reply.status}): {todo}",
            )
        if reply.status != 200:
            raise UnauthorizedError(
                self._registry,
                f"token auth attempt for {self._registry}: {where} request failed with status "
                f"{reply.status}",
            )
        try:
            answer: Any = reply.json()
        except SourceError:
            answer = None  # the body may have a token in it, so no message shows it
        values: Mapping[str, Any] = answer if isinstance(answer, dict) else {}
        token = values.get("token") or values.get("access_token")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise UnauthorizedError(
                self._registry,
                f"authorization server did not include a token in the response ({where})",
            )
        seconds = values.get("expires_in")
        if is_number(seconds) and seconds > 0:
            return token, float(seconds)
        return token, _USUAL_SECONDS


def basic(credentials: Credentials) -> str:
    """Return the value of the header Authorization for a user name and a password."""
    pair = f"{credentials.username}:{credentials.password}"
    return f"Basic {b64encode(pair.encode()).decode()}"


def _with_query(url: str, pairs: list[tuple[str, str]]) -> str:
    parts = urlsplit(url)
    query = urlencode(parse_qsl(parts.query, keep_blank_values=True) + pairs)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))
