"""One connection that sends a body and hears at once when the server speaks before its end.

``requests`` and ``urllib3`` look for an answer only after everything has been sent, and wait where
nothing wakes them. They let their connections be replaced, and that is where this comes in.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import http.client
import re
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from urllib3.connection import HTTPConnection, HTTPSConnection

from imgadm.streams.engine.cancellation import CancelToken
from imgadm.streams.engine.interruptions import interruptible
from imgadm.streams.errors import SendError
from imgadm.streams.http.connection import EXCHANGE_SECONDS, CheckingAdapter, timed_response
from imgadm.streams.http.head import MAX_HEAD_BYTES, is_interim

#: Bytes handed to a connection at a time. TLS tells nothing of its progress within a piece.
_PIECE = 64 << 10
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_STATUS_BYTES = len(b"HTTP/1.1 100")
_END_OF_HEAD = re.compile(rb"\n\r?\n")


class Exchange:
    """Sends over one connection and hears its answer, within the limits of a pipeline."""

    def __init__(self, cancel: CancelToken, stall_timeout: float, answer_timeout: float) -> None:
        self._cancel = cancel
        self._stall_timeout = stall_timeout
        self._answer_timeout = answer_timeout
        self._deadline: float | None = None
        self._socket: Any = None
        self._close: Callable[[], None] = lambda: None
        self._heard = b""
        self._passed_over = 0
        self._ended = False
        #: Whether there is, or was, a connection to the server (or through a proxy to it).
        self.connected = False

    @contextlib.contextmanager
    def adapter(self) -> Iterator[CheckingAdapter]:
        """What sends one request over a connection that this exchange attends to."""
        made = _Adapter(self)
        try:
            yield made
        finally:
            made.close()
            self._close()  # a pool closes its connections only when nobody knows it any more

    @contextlib.contextmanager
    def cut_by_cancelling(self) -> Iterator[None]:
        """Let the end of the pipeline end all waits inside, which then raise Cancelled."""
        forget = self._cancel.on_cancel(self._cut)
        try:
            yield
        finally:
            forget()

    def check_time(self) -> None:
        """Raise SendError if the time for an answer is over."""
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise self._late()

    def _late(self) -> SendError:
        return SendError(
            f"the server gave no answer within {self._answer_timeout:g} seconds", code="ETIMEDOUT"
        )

    def connect(self, connect: Callable[[], None], close: Callable[[], None]) -> None:
        """Make the connection, or leave that behind if the pipeline ends."""
        self._close = close
        interruptible(connect, self._cancel, discard=lambda _: close(), seconds=EXCHANGE_SECONDS)
        self.connected = True

    def send(self, connection: Any, data: Any) -> None:
        """Send all of ``data``; BrokenPipeError if the server has answered or hung up."""
        self._socket = connection
        connection.settimeout(0)
        view = memoryview(data).cast("B")
        while view:
            self._hear()
            try:
                view = view[connection.send(view[:_PIECE]) :]
                self._passed_over = 0
            except _NOT_NOW as error:
                wants_read = isinstance(error, ssl.SSLWantReadError)
                self._wait(select.POLLIN if wants_read else select.POLLIN | select.POLLOUT)
            except ConnectionError:
                self._hear()
                raise

    def await_answer(self) -> Callable[..., http.client.HTTPResponse]:
        """Wait for the server to speak; returns what makes a response of its words."""
        self._deadline = time.monotonic() + self._answer_timeout
        while not self._has_answer():
            with contextlib.suppress(BrokenPipeError):
                self._hear()
            if self._ended and not self._has_answer():
                raise ConnectionResetError(errno.ECONNRESET, "the connection was cut")
            if not self._has_answer():
                self._wait(select.POLLIN)
        return functools.partial(timed_response, self._deadline, heard=self._heard)

    def _has_answer(self) -> bool:
        if len(self._heard) < _STATUS_BYTES and not self._ended:
            return False
        return bool(self._heard) and not is_interim(self._heard)

    def _hear(self) -> None:
        """Take what the server has said by now; BrokenPipeError if that was its last word."""
        try:
            while not self._ended and not self._has_answer():
                self.check_time()
                self._cancel.check()
                data = self._socket.recv(64 << 10)
                self._ended = not data
                self._take(data)
        except _NOT_NOW:
            return
        except OSError:
            self._ended = True
        raise BrokenPipeError(errno.EPIPE, "the server does not listen any more")

    def _take(self, data: bytes) -> None:
        """Keep what has been heard, but for interim answers; SendError if they do not end."""
        self._heard += data
        while is_interim(self._heard) and (end := _END_OF_HEAD.search(self._heard)):
            self._passed_over += end.end()
            self._heard = self._heard[end.end() :]
        if not self._has_answer() and self._passed_over + len(self._heard) > MAX_HEAD_BYTES:
            raise SendError(
                f"the server sends interim answers, {MAX_HEAD_BYTES} bytes by now, and no other"
            )

    def _wait(self, events: int) -> None:
        """Wait for the socket; SendError if nothing happens for too long, and Cancelled."""
        self._cancel.check()
        poll = select.poll()
        poll.register(self._socket, events)
        poll.register(self._cancel.fileno(), select.POLLIN)
        left = self._stall_timeout
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
        ready = poll.poll(max(0.0, left) * 1000)
        self._cancel.check()
        if not ready and self._deadline is not None:
            raise self._late()
        if not ready:
            message = f"the server took no bytes for {self._stall_timeout:g} seconds"
            raise SendError(message, code="ETIMEDOUT")

    def _cut(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


if TYPE_CHECKING:
    _Connection = HTTPConnection
else:
    _Connection = object


class _Attended(_Connection):
    """A connection that leaves waiting to its exchange, from the moment that it is made."""

    exchange: Exchange
    _ready = False

    def connect(self) -> None:
        self.exchange.connect(super().connect, self.close)
        self._ready = True

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        if self._ready:
            self.exchange.send(self.sock, data)
        else:  # the words with a proxy before there is a connection
            super().send(data)

    def getresponse(self) -> Any:
        self.response_class = self.exchange.await_answer()  # type: ignore[assignment]
        return super().getresponse()


class _PlainConnection(_Attended, HTTPConnection):
    pass


class _TlsConnection(_Attended, HTTPSConnection):
    pass


class _Adapter(CheckingAdapter):
    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        super().__init__(pool_maxsize=1)

    def get_connection_with_tls_context(self, *arguments: Any, **settings: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*arguments, **settings)
        kind = _TlsConnection if pool.scheme == "https" else _PlainConnection
        pool.ConnectionCls = type(kind.__name__, (kind,), {"exchange": self._exchange})
        return pool
