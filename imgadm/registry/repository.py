"""One repository at one server: the requests for its documents, and the errors of answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from imgadm.base.json_input import JSONError, parse_json
from imgadm.base.patterns import is_digest
from imgadm.base.text import excerpt
from imgadm.client.errors import UnreachableError
from imgadm.client.http_client import HttpClient
from imgadm.client.options import ClientOptions
from imgadm.client.reply import ServerReply
from imgadm.manifest.parse import MAX_MANIFEST_BYTES
from imgadm.registry.access.authentication import RegistryAuth
from imgadm.registry.access.certificates import tls_for
from imgadm.registry.access.credentials import Credentials
from imgadm.registry.access.endpoints import Endpoint
from imgadm.registry.access.tokens import Tokens
from imgadm.registry.documents.content_coding import SAID_CODING, set_coding_aside
from imgadm.registry.documents.manifests import Document
from imgadm.registry.errors import (
    InvalidContentError,
    NotInRegistryError,
    RegistryError,
    TooManyRequestsError,
    UnauthorizedError,
)
from imgadm.registry.references.media_types import MANIFEST_ACCEPT
from imgadm.streams.http.retries import retry_after

if TYPE_CHECKING:
    import requests

MAX_CONFIG_BYTES = 8 << 20
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_VERSION_HEADER = "docker-distribution-api-version"
_PLAIN_TO_TLS = b"Client sent an HTTP request to an HTTPS server"


class RemoteRepository:
    """The repository ``name`` at the server ``endpoint``. Methods raise :class:`SourceError`.

    ``credentials`` is called at the first need of credentials. ``display`` is the full name of the
    repository in errors. Usable from several threads.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        name: str,
        options: ClientOptions,
        *,
        tokens: Tokens,
        credentials: Callable[[], Credentials | None],
    ) -> None:
        self.url = endpoint.root
        self.display = f"{endpoint.registry.name}/{endpoint.prefix}{name}"
        self._base = f"{endpoint.root}/v2/{endpoint.prefix}{name}"
        self._registry = endpoint.registry.name
        self._auth = RegistryAuth(endpoint.root, f"repository:{name}:pull", tokens, credentials)
        self._client = HttpClient(
            endpoint.root,
            options,
            headers={},
            insecure=endpoint.insecure,
            credentials=self._auth,
            tls=tls_for(endpoint.root, options.environment),
        )
        # The digest tells whether a body is really coded.
        self._client.session.hooks["response"].append(set_coding_aside)

    @property
    def session(self) -> requests.Session:
        """The session for requests to this repository, which authenticates them."""
        return self._client.session

    def blob_url(self, digest: str) -> str:
        """Return the URL of the blob ``digest``."""
        return f"{self._base}/blobs/{digest}"

    def manifest(self, version: str) -> Document:
        """Return the manifest that ``version``, a tag or digest, names, as it was sent."""
        url = f"{self._base}/manifests/{version}"
        try:
            reply = self._client.get(
                url, limit=MAX_MANIFEST_BYTES, headers={"accept": MANIFEST_ACCEPT}
            )
        except UnreachableError as error:
            if error.code == "ECONNRESET" and self.url.startswith("http:"):
                raise self._maybe_tls(error.reason, error.code, error) from error
            raise
        if reply.status == 400 and reply.body.startswith(_PLAIN_TO_TLS):
            raise self._maybe_tls("HTTP status 400", "EPROTO")
        if reply.status == 404 or (reply.status == 200 and reply.content_type == "text/html"):
            self._check_registry(reply)
        colon = "@" if is_digest(version) else ":"
        self._check(reply, f"{self.display}{colon}{version}")
        return Document(
            reply.body,
            reply.content_type,
            reply.headers.get("docker-content-digest", ""),
            reply.headers.get(SAID_CODING, ""),
        )

    def blob(self, digest: str, what: str) -> tuple[bytes, str]:
        """Return a small blob, such as a configuration, and the content coding in its header.

        Errors call the blob ``what``.
        """
        reply = self._client.get(
            self.blob_url(digest), limit=MAX_CONFIG_BYTES, headers={"accept": "*/*"}
        )
        self._check(reply, f"{what} {digest} of {self.display}")
        return reply.body, reply.headers.get(SAID_CODING, "")

    def close(self) -> None:
        """End all connections."""
        self._client.close()

    def _maybe_tls(
        self, reason: str, code: str, cause: UnreachableError | None = None
    ) -> UnreachableError:
        """Return the error of a plain http request that a TLS server may have received.

        Some of these servers answer with an error, others end the connection.
        """
        hint = f"it was asked over plain http; if it speaks TLS, say https://{self.display}"
        return UnreachableError(self.url, f"{reason}; {hint}", code=code, cause=cause)

    def _check(self, reply: ServerReply, what: str) -> None:
        """Raise the error that an answer other than 200 means; ``what`` was asked for."""
        if reply.status == 200:
            return
        code, said = _first_error(reply)
        words = f": {said}" if said else ""
        if reply.status == 404:
            raise NotInRegistryError(self.url, f"{what} was not found{words}")
        if reply.status in (401, 403):
            login = (
                f"the credentials for {self._registry} are wrong or may not read it"
                if self._auth.sent_credentials
                else f"needs a login, and there are no credentials for {self._registry}"
            )
            raise UnauthorizedError(
                self.url,
                f"not allowed to read {what}{words} (HTTP status {reply.status}): it does not "
                f"exist, or {login}",
            )
        if reply.status == 429:
            wait = retry_after(reply.headers)
            when = f" in {wait:.0f} seconds" if wait else " later"
            raise TooManyRequestsError(
                self.url, f"the registry limits requests{words}; try again{when}, or log in"
            )
        raise RegistryError(
            self.url, f"{what} cannot be read: HTTP status {reply.status}{words}", code=code
        )

    def _check_registry(self, reply: ServerReply) -> None:
        """Raise InvalidContentError if the server that gave ``reply`` is no registry."""
        if _VERSION_HEADER in reply.headers or _first_error(reply)[0]:
            return
        check_pong(self._client.get(f"{self.url}/v2/", limit=MAX_MANIFEST_BYTES), self.url)


def check_pong(reply: ServerReply, url: str) -> None:
    """Raise :class:`InvalidContentError` unless ``reply``, to a ping, is that of a registry.

    ``url`` is the URL of the server, for the error.
    """
    if reply.status == 401 or _VERSION_HEADER in reply.headers:
        return
    if reply.status == 200 and (not reply.body.strip() or _json(reply) is not None):
        return
    kind = f", {excerpt(reply.content_type)}" if reply.content_type else ""
    raise InvalidContentError(
        url, f"this is no Docker registry: {url}/v2/ answers with HTTP status {reply.status}{kind}"
    )


def _first_error(reply: ServerReply) -> tuple[str | None, str]:
    """Return the code and the printable message of the first error in an answer."""
    body = _json(reply)
    errors = body.get("errors") if isinstance(body, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    if not isinstance(first, dict) or not isinstance(code := first.get("code"), str):
        return None, ""
    message = first.get("message")
    return code if _CODE.fullmatch(code) else None, excerpt(message or "")


def _json(reply: ServerReply) -> Any:
    try:
        return parse_json(reply.body)
    except JSONError:
        return None
