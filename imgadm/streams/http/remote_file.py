"""A file on an HTTP server, requested whole, and again from where a connection broke."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from imgadm.base.redaction import redact_url
from imgadm.streams.errors import FetchError
from imgadm.streams.http.answers.body import Body, sent_length
from imgadm.streams.http.answers.codings import coding_of
from imgadm.streams.http.failures import BadAnswerError, request_errors
from imgadm.streams.http.fetch_errors import answer_error, connection_error

if TYPE_CHECKING:
    from requests import Response, Session


_WHOLE = (200, 203)
"""Statuses of a whole file; 203 comes from a proxy that changed something in the head."""

_ABOUT_RANGES = (206, 400, 416, 501)
"""Further statuses with which a server may answer a request for a range."""


@runtime_checkable
class RemoteFile(Protocol):
    """A file on a server that can be read from the start, and again from a position in it.

    Methods raise FetchError. ``immutable``: every reading brings the same bytes, or a later stage
    notices a difference, so that no server has to prove that the file is the same. ``patient``:
    :meth:`open` makes several attempts before it fails.
    """

    immutable: bool
    patient: bool

    @property
    def url(self) -> str:
        """The URL of the file, for messages."""

    def open(self) -> tuple[Body, Mapping[str, str]]:
        """Return the body of the whole file, and the headers of its answer."""

    def open_at(self, position: int) -> tuple[Body, int]:
        """Return the body of the same file again, and the offset at which it begins.

        The offset is ``position`` or 0.
        """

    def changed(self, position: int) -> FetchError:
        """Return the error for a file that changed after ``position`` bytes of it came."""

    def close(self) -> None:
        """End the connections of this file."""


class HttpFile:
    """A file at one URL.

    ``timeouts`` are the seconds to connect, and those without a byte. ``size`` is the size of the
    file in bytes, None if it is not known. A content coding is undone, unless the answer has
    exactly this size: servers of compressed files name the file's own compression as a coding.
    Without a ``session`` the file makes its own, and closes it.
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
        """Return the body of the whole file, and the headers of its answer. Raises FetchError."""
        if self._session is None:
            self._session = _own_session(self._timeouts)
        response = self._request()
        self._etag = _strong_etag(response)
        body = self._body(response)
        self._length = body.length
        return body, response.headers

    def open_at(self, position: int) -> tuple[Body, int]:
        """Return the body of the same file again, and the offset at which it begins.

        The offset is ``position`` if the server proves that the file is the same (RFC 9110, section
        13.1.5), or if the file is immutable, and 0 otherwise. Raises FetchError, also for a file
        whose length has changed.
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
        """Return the error for a file that changed after ``position`` bytes of it came."""
        return FetchError(
            f"the file at {redact_url(self.url)} changed while it was being downloaded; "
            "import it again",
            code="Changed",
            final=True,
            offset=position,
        )

    def close(self) -> None:
        """Close the session, if it is this file's own."""
        if self._own_session and self._session is not None:
            self._session.close()

    def _body(self, response: Response) -> Body:
        coding = None
        if self._size is None or sent_length(response) != self._size:
            try:
                coding = coding_of(response.headers.get("Content-Encoding"))
            except BadAnswerError as error:
                response.close()
                raise connection_error(error, self.url, at=response.url) from error
        if response.status_code != 206:
            self._coding = coding
        return Body(response, self._timeouts[1], coding=coding)

    def _continues(self, response: Response, position: int) -> bool:
        """Tell whether a 206 answer proves that it continues the same file at ``position``."""
        given = response.headers.get("Content-Range", "")
        coded = response.headers.get("Content-Encoding", "identity").strip().lower() != "identity"
        if coded or not given.startswith(f"bytes {position}-"):
            return False
        of_same_length = given.endswith(f"/{self._length}")
        if self.immutable:
            return of_same_length or self._length is None or given.endswith("/*")
        return of_same_length and _strong_etag(response) == self._etag

    def _ends_at(self, response: Response, position: int) -> bool:
        """Tell whether a 416 answer says that a file of unknown length ends at ``position``."""
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
    """Return the entity tag unchanged, None for a weak one. IMGAPI servers leave out quotes."""
    etag: str | None = response.headers.get("ETag")
    return None if etag is None or etag.startswith("W/") else etag
