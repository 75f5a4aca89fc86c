"""The stage that uploads over HTTP in one pass, and hears an early answer of the server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from imgadm._native import Meter
from imgadm.base.redaction import redact_url
from imgadm.streams.engine.arguments import (
    check_count,
    check_headers,
    check_seconds,
    check_web_address,
)
from imgadm.streams.engine.stage import Context, Inlet, Outlet, Stage
from imgadm.streams.errors import SendError, SizeError, UploadAnswer
from imgadm.streams.http.answers.codings import Uncoded, coding_of
from imgadm.streams.http.failures import failure_of, request_errors

if TYPE_CHECKING:
    from requests import Response, Session
    from requests.adapters import HTTPAdapter

    from imgadm.streams.http.exchange import Exchange

_MAX_ANSWER = 4 << 20
"""The most bytes of an answer that are read."""


class _HttpPut(Stage):
    """The stage that :func:`http_put` makes."""

    name = "upload"
    role = "sink"

    def __init__(
        self,
        url: str,
        session: Session | None,
        headers: Mapping[str, str],
        size: int | None,
        timeouts: tuple[float, float, float],
    ) -> None:
        self._url = url
        self._session = session
        self._own_session = session is None
        self._headers = {"Content-Type": "application/octet-stream", **headers}
        self._size = size
        self._timeouts = timeouts

    def open(self, context: Context) -> None:
        if self._session is None:
            import requests

            self._session = requests.Session()

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        from imgadm.streams.http.exchange import Exchange

        connect, stall, answer = self._timeouts
        body = _Body(inlet, self._size, context.meter)
        exchange = Exchange(context.cancel, stall, answer)
        try:
            with exchange.adapter() as adapter, exchange.cut_by_cancelling():
                response = self._request(adapter, body, (connect, stall))
                self._judge(_read(response, exchange), body, context)
        except request_errors() as error:
            context.cancel.check()
            failure = failure_of(error, self._url)
            raise SendError(
                failure.message,
                code=failure.code,
                offset=body.sent,
                begun=exchange.connected,
                reason=failure.words,
            ) from error

    def _request(
        self, adapter: HTTPAdapter, body: _Body, timeouts: tuple[float, float]
    ) -> Response:
        """Send the request as the session would, but over a new connection.

        The server may have closed a connection of the session meanwhile.
        """
        import requests

        assert self._session is not None
        session = self._session
        request = session.prepare_request(
            requests.Request("PUT", self._url, headers=dict(self._headers), data=body)
        )
        settings: Any = session.merge_environment_settings(self._url, {}, True, None, None)
        return adapter.send(request, timeout=timeouts, **settings)

    def _judge(self, answer: UploadAnswer, body: _Body, context: Context) -> None:
        early = "" if body.complete else f" after {body.sent} bytes, before it had everything"
        if early or not 200 <= answer.status < 300:
            raise SendError(
                f"{redact_url(self._url)} answered {answer.status}{early}",
                answer=answer,
                offset=body.sent,
            )
        context.facts["answer"] = answer

    def close(self) -> None:
        if self._own_session and self._session is not None:
            self._session.close()


class _Body:
    """The body of the request, as ``requests`` takes it. A length of 0 stands for an unknown one.

    The last buffer is held back until the stages before have succeeded. Therefore the server can't
    take the upload for complete before they have verified it.
    """

    def __init__(self, inlet: Inlet, size: int | None, meter: Meter) -> None:
        self._inlet = inlet
        self._size = size
        self._meter = meter
        self.sent = 0
        self.complete = False

    def __len__(self) -> int:
        return self._size or 0

    def __iter__(self) -> Iterator[memoryview]:
        held = None
        while True:
            following = self._inlet.get()
            self._check(ended=following is None)
            if held is not None:
                yield held.view
                self.sent += len(held)
                held.release()
            if following is None:
                break
            held = following
        self.complete = True

    def _check(self, *, ended: bool) -> None:
        got, wanted = self._meter.bytes_in, self._size
        if wanted is None or got == wanted or (got < wanted and not ended):
            return
        raise SizeError(
            f"{wanted} bytes were promised to the server, got {'more' if got > wanted else got}",
            offset=self.sent,
            got=got,
            wanted=wanted,
        )


def _read(response: Response, exchange: Exchange) -> UploadAnswer:
    """Return the answer; its body is cut off after :data:`_MAX_ANSWER` bytes."""

    def read(size: int) -> bytes:
        exchange.check_time()
        data: bytes = response.raw.read1(size, decode_content=False)
        return data

    body = bytearray()
    with response:
        coding = coding_of(response.headers.get("Content-Encoding"))
        next_block = read if coding is None else Uncoded(coding, read).read
        while len(body) < _MAX_ANSWER and (block := next_block(64 << 10)):
            body += block
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return UploadAnswer(response.status_code, kind, bytes(body))


def http_put(
    url: str,
    *,
    session: Session | None = None,
    headers: Mapping[str, str] | None = None,
    size: int | None = None,
    stall_timeout: float = 30.0,
    connect_timeout: float = 15.0,
    answer_timeout: float = 300.0,
) -> Stage:
    """Return a sink that uploads to ``url`` (http or https) with one PUT.

    Timeouts are in seconds. ``session`` is a :class:`requests.Session`, with its own proxies,
    certificates and headers. With a ``size``, the stage promises that many bytes to the server
    (Content-Length), and as many must come. Without one, it sends them in chunks. The server gets
    the end of the upload only after all stages before have succeeded.

    The stage never repeats the upload, because it no longer has the bytes, and follows no redirect.
    If the server answers before it has all bytes, the upload fails at once with that answer. The
    upload fails if the server takes no byte for ``stall_timeout``, or if it has all bytes and does
    not answer within ``answer_timeout``.

    The stage leaves the answer, an :class:`UploadAnswer` with a status of 200 to 299, in
    ``report.facts["answer"]``. It raises SendError and SizeError.
    """
    check_web_address(url)
    check_headers(headers)
    check_count("size", size)
    check_seconds("stall_timeout", stall_timeout)
    check_seconds("connect_timeout", connect_timeout)
    check_seconds("answer_timeout", answer_timeout)
    timeouts = (connect_timeout, stall_timeout, answer_timeout)
    return _HttpPut(url, session, headers or {}, size, timeouts)
