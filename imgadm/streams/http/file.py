"""A file on an HTTP server, asked for whole, and again from where a connection broke."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from imgadm.base.redaction import redact_url
from imgadm.streams.errors import FetchError
from imgadm.streams.http.body import Body, sent_length
from imgadm.streams.http.codings import coding_of
from imgadm.streams.http.errors import answer_error, connection_error
from imgadm.streams.http.failures import BadAnswerError, address_of, request_errors

if TYPE_CHECKING:
    from requests import Response, Session


_WHOLE = (200, 203)
"""Statuses of a whole file; a proxy that changed something of the head says 203."""

_ABOUT_RANGES = (206, 400, 416, 501)
"""Statuses that only the range may be the reason for."""


@runtime_checkable
class RemoteFile(Protocol):
    """A file that is read from the start, and again from a place in it. Methods raise FetchError.

    Of one that is ``immutable`` all readings are the same, or somebody behind will notice: nobody
    need prove it. One that is ``patient`` has tried again by itself before it fails to open.
    """

    immutable: bool
    patient: bool

    @property
    def url(self) -> str: ...
    def open(self) -> tuple[Body, Mapping[str, str]]:
        """The body of the whole file, and the headers that came with it."""

    def open_at(self, position: int) -> tuple[Body, int]:
        """The body of the same file again, and where it begins: at ``position``, or else at 0."""

    def changed(self, position: int) -> FetchError:
        """The error of a file that is another one by now."""

    def close(self) -> None: ...


class HttpFile:
    """One file at one address. ``timeouts`` are seconds to connect, and without a byte.

    ``size`` is that of the file, where it is known. An answer in a content coding is undone, unless
    it has just that size: servers of compressed files name their compression as a coding.
    """

    patient = False

    def __init__(
        self,
        url: str,
        session: Session | None,
        headers: Mapping[str, str],
        timeouts: tuple[float, float],
        *,
        immutable: bool = False,
        size: int | None = None,
    ) -> None:
        self.url = url
        self.immutable = immutable
        self._session = session
        self._own_session = session is None
        self._headers = {**headers, "Accept-Encoding": "identity"}
        self._timeouts = timeouts
        self._size = size
        self._etag: str | None = None
        self._coding: str | None = None
        self._length: int | None = None

    def open(self) -> tuple[Body, Mapping[str, str]]:
        """The body of the whole file, and the headers that came with it. Raises FetchError."""
        if self._session is None:
            self._session = _own_session(self._timeouts)
        response = self._request()
        self._etag = _strong_etag(response)
        body = self._body(response)
        self._length = body.length
        return body, response.headers

    def open_at(self, position: int) -> tuple[Body, int]:
        """The body of the same file again, and where it begins: at ``position``, or else at 0.

        It begins at ``position`` if the server proves to go on with the same file (RFC 9110,
        section 13.1.5), or need not prove it. A server that can't do it is asked for the whole.
        Raises FetchError, also if the file has another length by now.
        """
        if position and self._coding is None and (self.immutable or self._etag is not None):
            condition = {} if self.immutable else {"If-Range": str(self._etag)}
            response = self._request(
                {"Range": f"bytes={position}-", **condition}, accept=(*_WHOLE, *_ABOUT_RANGES)
            )
            if response.status_code == 206 and self._continues(response, position):
                return self._body(response), position
            if response.status_code == 416 and self._ends_at(response, position):
                response.close()
                return Body(response, self._timeouts[1], ended=True), position
            if response.status_code not in _WHOLE:
                response.close()
                response = self._request()
        else:
            response = self._request()
        body = self._body(response)
        if body.length != self._length and not self.immutable:
            body.close()
            raise self.changed(position)
        return body, 0

    def changed(self, position: int) -> FetchError:
        """The error of a file that is another one by now."""
        return FetchError(
            f"the file at {redact_url(self.url)} changed while it was being fetched; "
            "import it again",
            code="Changed",
            final=True,
            offset=position,
        )

    def close(self) -> None:
        if self._own_session and self._session is not None:
            self._session.close()

    def _body(self, response: Response) -> Body:
        coding = None
        if self._size is None or sent_length(response) != self._size:
            try:
                coding = coding_of(response.headers.get("Content-Encoding"))
            except BadAnswerError as error:
                response.close()
                raise connection_error(error, address_of(response.url)) from error
        if response.status_code != 206:
            self._coding = coding
        return Body(response, self._timeouts[1], coding=coding)

    def _continues(self, response: Response, position: int) -> bool:
        """Whether a 206 answer proves to go on with the same file at ``position``."""
        given = response.headers.get("Content-Range", "")
        coded = response.headers.get("Content-Encoding", "identity").strip().lower() != "identity"
        if coded or not given.startswith(f"bytes {position}-"):
            return False
        of_same_length = given.endswith(f"/{self._length}")
        if self.immutable:
            return of_same_length or self._length is None or given.endswith("/*")
        return of_same_length and _strong_etag(response) == self._etag

    def _ends_at(self, response: Response, position: int) -> bool:
        """Whether a 416 answer says that a file of unknown length has come to its end."""
        at_end = response.headers.get("Content-Range", "") == f"bytes */{position}"
        return self.immutable and at_end

    def _request(
        self, headers: Mapping[str, str] | None = None, accept: tuple[int, ...] = _WHOLE
    ) -> Response:
        assert self._session is not None
        try:
            response = self._session.get(
                self.url,
                headers={**self._headers, **(headers or {})},
                stream=True,
                timeout=self._timeouts,
            )
        except request_errors() as error:
            raise connection_error(error, self.url) from error
        if response.status_code not in accept:
            raise answer_error(response)
        return response


def _own_session(timeouts: tuple[float, float]) -> Session:
    import requests

    from imgadm.streams.http.connection import TimedAdapter

    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, TimedAdapter(sum(timeouts)))
    return session


def _strong_etag(response: Response) -> str | None:
    """The entity tag, as it came (IMGAPI servers leave out the quotes), unless it is a weak one."""
    etag: str | None = response.headers.get("ETag")
    return None if etag is None or etag.startswith("W/") else etag
