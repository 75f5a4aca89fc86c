"""Fetching over HTTP, through dropped connections, as one unbroken stream of bytes."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from imgadm._native import Sha1, move_bytes, write_all
from imgadm.streams.buffers import BUFFER_SIZE
from imgadm.streams.descriptors import kernel_moves
from imgadm.streams.errors import FetchError, SizeError, StreamError
from imgadm.streams.http_body import Body
from imgadm.streams.http_errors import answer_error, connection_error
from imgadm.streams.interruptible import interruptible
from imgadm.streams.stage import Context, Inlet, Outlet, Stage

if TYPE_CHECKING:
    from requests import Response, Session

#: Seconds to wait before the next attempt, after each attempt in a row that brought nothing.
DELAYS = (0.0, 0.5, 1.0, 2.0)

#: Dropped connections that one fetch survives at most, however much each of them brought.
MAX_RESUMES = 20


class HttpGet(Stage):
    """See :func:`http_get`."""

    name = "fetch"
    moves_descriptors = True

    def __init__(
        self,
        url: str,
        *,
        session: Session | None,
        headers: Mapping[str, str] | None,
        size: int | None,
        length_required: bool,
        stall_timeout: float,
        connect_timeout: float,
        delays: tuple[float, ...],
    ) -> None:
        self._url = url
        self._session = session
        self._headers = {**(headers or {}), "Accept-Encoding": "identity"}
        self._size = size
        self._length_required = length_required
        self._timeouts = (connect_timeout, stall_timeout)
        self._stall_milliseconds = int(stall_timeout * 1000)
        self._delays = delays
        self._own_session = session is None
        self._body: Body | None = None
        self._etag: str | None = None
        self._position = 0
        self._own_hash: Sha1 | None = None
        self._to_send = b""

    def open(self, context: Context) -> None:
        if self._session is None:
            import requests

            self._session = requests.Session()
        response = self._request({})
        if response.status_code != 200:
            raise answer_error(response)
        self._body = Body(response)
        self._check_length(self._body.length, response)
        self._etag = _strong_etag(response)
        # Only plain bodies of known length come straight from a socket.
        self.moves_descriptors = self._body.descriptor is not None
        if context.downstream is None or not context.downstream.remembers_sha1:
            self._own_hash = Sha1()
            self.moves_descriptors = False

    def _check_length(self, length: int | None, response: Response) -> None:
        if length is None and self._length_required:
            value = response.headers.get("Content-Length")
            raise SizeError(
                f"the server does not say how long the file is (Content-Length: {value})",
                got=value,
                wanted=self._size,
            )
        if length is not None and self._size is not None and length != self._size:
            raise SizeError(
                f"expected {self._size} bytes, the server offers {length} (Content-Length)",
                got=length,
                wanted=self._size,
            )
        self.total = length if length is not None else self._size

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        self._deliver(context, lambda: self._pass_on(context, outlet))

    def run_descriptors(self, context: Context, source: int, sink: int) -> None:
        self._deliver(context, lambda: self._move(context, sink))

    def _deliver(self, context: Context, deliver: Callable[[], None]) -> None:
        """Deliver from one connection after the other until everything has been delivered."""
        fruitless = resumes = 0
        while True:
            before = self._position
            problem = self._attempt(context, deliver, reconnect=resumes > 0)
            if problem is None and self._is_complete():
                break
            fruitless = 0 if self._position > before else fruitless + 1
            if fruitless >= len(self._delays) or resumes >= MAX_RESUMES:
                raise self._gave_up(resumes, problem)
            context.cancel.wait(self._delays[fruitless])
            resumes += 1
        if resumes:
            times = "once" if resumes == 1 else f"{resumes} times"
            context.notes.append(f"the connection was lost and resumed {times}")

    def _attempt(
        self, context: Context, deliver: Callable[[], None], *, reconnect: bool
    ) -> FetchError | None:
        """One connection until it ends; what ended it, unless that was the end of the bytes."""
        try:
            if reconnect:
                self._resume(context)
            deliver()
        except BrokenPipeError:
            raise  # the next stage's trouble, not the network's
        except FetchError as error:
            if not error.transient:
                raise
            return error
        except (OSError, http.client.HTTPException) as error:
            return connection_error(error, self._url)
        return None

    def _is_complete(self) -> bool:
        return self.total is None or self._position >= self.total

    def _gave_up(self, resumes: int, problem: FetchError | None) -> StreamError:
        tried = f"tried {resumes + 1} times, got {self._position} bytes of {self.total}"
        if problem is None:
            return SizeError(
                f"the connection ended early ({tried})",
                offset=self._position,
                got=self._position,
                wanted=self.total,
            )
        return FetchError(
            f"{problem.message} ({tried})",
            code=problem.code,
            status=problem.status,
            offset=self._position,
        )

    def _pass_on(self, context: Context, outlet: Outlet) -> None:
        while self.total is None or self._position < self.total:
            buffer = outlet.buffer()
            size = self._read(buffer.view, context)
            if size == 0:
                buffer.release()
                return
            self._position += size
            if self._own_hash is not None:
                self._own_hash.update(buffer.view[:size])
            context.meter.add_in(size)
            outlet.put(buffer.keep(size))

    def _move(self, context: Context, sink: int) -> None:
        assert self._body is not None
        assert self.total is not None
        if self._body.descriptor is None:
            raise FetchError("the connection changed its kind in the middle", code="EPROTO")
        before, start = context.meter.bytes_out, self._position
        try:
            first = memoryview(bytearray(BUFFER_SIZE))
            size = self._read(first, context)
            context.meter.add_in(size)
            write_all(sink, first[:size], context.cancel.fileno(), context.meter)
            move_bytes(
                self._body.descriptor,
                sink,
                context.cancel.fileno(),
                context.meter,
                limit=self.total - start - size,
                in_kernel=kernel_moves(),
                stall_milliseconds=self._stall_milliseconds,
            )
        finally:
            self._position = start + context.meter.bytes_out - before

    def _read(self, view: memoryview, context: Context) -> int:
        assert self._body is not None
        return self._body.readinto(view, context.cancel, context.meter, self._stall_milliseconds)

    def _resume(self, context: Context) -> None:
        """Connect again and get to where the last connection ended."""
        headers = {}
        if self._etag is not None and self._position:
            headers = {"Range": f"bytes={self._position}-", "If-Range": self._etag}
        assert self._body is not None
        self._body.close()
        response = interruptible(lambda: self._request(headers), context.cancel)
        if response.status_code == 206 and self._continues(response):
            self._body = Body(response)
            return
        if response.status_code in (206, 416):
            response.close()
            response = interruptible(lambda: self._request({}), context.cancel)
        self._body = Body(response)
        if response.status_code != 200:
            raise answer_error(response)
        if self._body.length != self.total:
            raise self._changed()
        self._discard_prefix(context)

    def _continues(self, response: Response) -> bool:
        """Whether a 206 answer proves to go on with the same file where we ended."""
        wanted = f"bytes {self._position}-"
        given = response.headers.get("Content-Range", "")
        whole = given.rpartition("/")[2]
        same = _strong_etag(response) in (None, self._etag)
        return given.startswith(wanted) and whole == str(self.total) and same

    def _discard_prefix(self, context: Context) -> None:
        """Read again what was delivered, and make sure that it is the same."""
        delivered = self._own_hash
        if delivered is None and context.downstream is not None:
            delivered = context.downstream.sha1_at(self._position, context)
        again = Sha1()
        scratch = memoryview(bytearray(BUFFER_SIZE))
        left = self._position
        while left > 0:
            size = self._read(scratch[: min(left, len(scratch))], context)
            if size == 0:
                raise ConnectionResetError("the connection ended again before the same place")
            again.update(scratch[:size])
            left -= size
        if delivered is not None and again.digest() != delivered.digest():
            raise self._changed()

    def _changed(self) -> FetchError:
        return FetchError(
            f"the file at {self._url} changed while it was being fetched; import it again",
            code="Changed",
            offset=self._position,
        )

    def _request(self, headers: Mapping[str, str]) -> Response:
        import requests

        assert self._session is not None
        try:
            return self._session.get(
                self._url,
                headers={**self._headers, **headers},
                stream=True,
                timeout=self._timeouts,
            )
        except requests.RequestException as error:
            raise connection_error(error, self._url) from error

    def close(self) -> None:
        if self._body is not None:
            self._body.close()
        if self._own_session and self._session is not None:
            self._session.close()


def _strong_etag(response: Response) -> str | None:
    """The entity tag, as it came (IMGAPI servers leave out the quotes), unless it is a weak one."""
    etag: str | None = response.headers.get("ETag")
    return None if etag is None or etag.startswith("W/") else etag


def http_get(
    url: str,
    *,
    session: Session | None = None,
    headers: Mapping[str, str] | None = None,
    size: int | None = None,
    length_required: bool = False,
    stall_timeout: float = 30.0,
    connect_timeout: float = 15.0,
    delays: tuple[float, ...] = DELAYS,
) -> Stage:
    """Fetch ``url`` (http or https). Timeouts and delays are in seconds.

    ``session`` (requests) brings proxies, certificates and headers of its own. ``size`` is the
    number of bytes that the answer must promise, if it promises any; ``length_required`` refuses
    an answer that does not.

    A connection that is cut, or brings nothing for ``stall_timeout``, is resumed in place: by a
    ``Range`` that the server proves to be of the same file (RFC 9110, section 13.1.5), otherwise by
    reading again and discarding what was delivered, if it has the same hash. After each attempt in
    a row that brings nothing the next of ``delays`` is waited; when they are used up, or after
    :data:`MAX_RESUMES`, the fetch fails. That it was resumed is noted in the report.

    Raises FetchError (no connection, an answer other than 200, a file that changed) and SizeError.
    """
    return HttpGet(
        url,
        session=session,
        headers=headers,
        size=size,
        length_required=length_required,
        stall_timeout=stall_timeout,
        connect_timeout=connect_timeout,
        delays=delays,
    )
