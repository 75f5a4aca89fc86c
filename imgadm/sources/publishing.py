"""Image servers to publish to: the half of IMGAPI that changes something.

Under a base URL, ``POST /images/UUID?action=import`` creates an image, ``PUT /images/UUID/file``
uploads its file, ``POST /images/UUID?action=activate`` makes it visible, and ``DELETE
/images/UUID`` deletes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from imgadm.base.json_input import json_type
from imgadm.base.json_text import compact_json
from imgadm.base.redaction import redact_url
from imgadm.base.text import excerpt
from imgadm.base.urls import server_address
from imgadm.client.errors import StatusError, UnusableReplyError
from imgadm.client.options import ClientOptions
from imgadm.manifest.parse import MAX_MANIFEST_BYTES
from imgadm.sources.source import FileRequest

if TYPE_CHECKING:
    from imgadm.client.http_client import HttpClient
    from imgadm.client.reply import ServerReply

_NOTHING = b"{}"


class Repository:
    """The image server at ``url``, whose ``?channel=`` goes with all requests.

    ``token`` is sent as a bearer token, instead of the credentials in ``url``. Methods raise
    :class:`imgadm.client.errors.SourceError`. The constructor raises :class:`ConfigError` if
    ``url`` is no HTTP URL. Nothing is requested before the first call.
    """

    def __init__(
        self,
        url: str,
        options: ClientOptions | None = None,
        *,
        insecure: bool = False,
        token: str | None = None,
    ) -> None:
        self.url = redact_url(url)
        self._address = server_address(url)
        self._options = options or ClientOptions()
        self._insecure = insecure
        self._token = token
        self._made: HttpClient | None = None

    def create(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Create an unactivated image without a file, and return the manifest that is stored."""
        url = self._url(manifest["uuid"], ("action", "import"))
        body = compact_json(manifest).encode()
        return self._checked(self._send("POST", url, body).json(), manifest["uuid"])

    def file_request(
        self, uuid: str, *, compression: str, sha1: str | None, dataset_guid: str | None
    ) -> FileRequest:
        """Return how to upload the file of an image: with a PUT."""
        known = {"compression": compression, "sha1": sha1, "dataset_guid": dataset_guid}
        query = [(name, value) for name, value in known.items() if value is not None]
        return FileRequest(self._url(uuid, *query, suffix="/file"), self._client().session, {})

    def stored(self, uuid: str, status: int, content_type: str, body: bytes) -> dict[str, Any]:
        """Return the manifest in the server's answer to the upload of a file.

        Raises :class:`imgadm.client.errors.SourceError` for an answer without one.
        """
        return self._checked(self._client().reply(status, content_type, body).json(), uuid)

    def activate(self, uuid: str) -> None:
        """Activate an image that has a file, which makes it available to everyone."""
        self._send("POST", self._url(uuid, ("action", "activate")), _NOTHING)

    def delete(self, uuid: str) -> None:
        """Delete an image. An image that does not exist is no error."""
        self._send("DELETE", self._url(uuid), b"", accept=404)

    def find(self, uuid: str) -> dict[str, Any] | None:
        """Return the manifest of an image in any state, None if it does not exist."""
        reply = self._client().get(self._url(uuid), limit=MAX_MANIFEST_BYTES)
        return None if reply.status == 404 else self._checked(reply.json(), uuid)

    def close(self) -> None:
        """End all connections. May be called twice."""
        if self._made is not None:
            self._made.close()
            self._made = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _client(self) -> HttpClient:
        from imgadm.client.http_client import HttpClient

        if self._made is None:
            # One connection a request: a server would close an idle one during the minutes of an
            # upload.
            headers = {"accept-version": "*", "connection": "close"}
            if self._token is not None:
                headers["authorization"] = f"Bearer {self._token}"
            self._made = HttpClient(
                self.url,
                self._options,
                headers=headers,
                home=self._address.base,
                insecure=self._insecure,
                credentials=None if self._token is not None else self._address.credentials,
                persistent=False,
            )
        return self._made

    def _url(self, uuid: str, *query: tuple[str, str], suffix: str = "") -> str:
        channel = (("channel", self._address.channel),) if self._address.channel else ()
        return self._address.url(f"/images/{uuid}{suffix}", channel + query)

    def _send(self, method: str, url: str, body: bytes, *, accept: int = 200) -> ServerReply:
        reply = self._client().send(method, url, body=body, limit=MAX_MANIFEST_BYTES)
        if reply.status >= 400 and reply.status != accept:
            try:
                reply.json()  # raises the error for a body that is no JSON
            except StatusError as error:
                if reply.status == 401:
                    raise self._unauthorized(error) from error
                raise
        return reply

    def _unauthorized(self, error: StatusError) -> StatusError:
        """Return the server's refusal with a hint about the token."""
        hint = "name a file with a token: --token-file"
        if self._token is not None:
            hint = "the server refuses the token in the file of --token-file"
        return StatusError(
            self.url, 401, {"code": error.code, "message": f"{error.reason}; {hint}"}
        )

    def _checked(self, value: Any, uuid: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise UnusableReplyError(
                self.url, f"a manifest was expected in reply, got {json_type(value)}"
            )
        if value.get("uuid") != uuid:
            got = excerpt(value.get("uuid"))
            raise UnusableReplyError(
                self.url, f"the manifest of image {uuid} was expected in reply, got that of {got}"
            )
        return value
