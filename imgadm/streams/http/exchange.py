"""A connection that sends a body, and hears the server as soon as it answers.

``requests`` and ``urllib3`` look for an answer only after they have sent everything, and nothing
can wake them while they wait. They allow their connection classes to be replaced, and
this module has the replacements.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import http.client
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
from imgadm.streams.http.answers.head import AnswerHead
from imgadm.streams.http.answers.response import timed_response
from imgadm.streams.http.connection import EXCHANGE_SECONDS, CheckingAdapter

_PIECE = 64 << 10
"""Bytes given to the connection at a time. TLS reports no progress within a piece."""

_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Exchange:
    """One connection that sends a body and hears the answer, within the limits of a pipeline.

    ``stall_timeout``: the seconds within which the server must take some bytes. ``answer_timeout``:
    the seconds within which it must answer once it has everything. ``cancel`` ends every wait.
    """

    def __init__(self, cancel: CancelToken, stall_timeout: float, answer_timeout: float) -> None:
        self._cancel = cancel
        self._stall_timeout = stall_timeout
        self._answer_timeout = answer_timeout
        self._deadline: float | None = None
        self._socket: Any = None
        self._close: Callable[[], None] = lambda: None
        self._head = AnswerHead()
        self._ended = False
        self.connected = False

    @contextlib.contextmanager
    def adapter(self) -> Iterator[CheckingAdapter]:
        """Yield the adapter that sends one request over a connection of this exchange."""
        made = _Adapter(self)
        try:
            yield made
        finally:
            made.close()
            self._close()  # a pool leaves its connections open until it is garbage

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
        """Call ``connect``, and leave it behind if the pipeline ends meanwhile.

        ``close`` closes the connection that ``connect`` made. Afterwards ``connected`` is True: the
        server, or a proxy to it, was reached.
        """
        self._close = close
        interruptible(connect, self._cancel, discard=lambda _: close(), seconds=EXCHANGE_SECONDS)
        self.connected = True

    def send(self, connection: Any, data: Any) -> None:
        """Send all of ``data`` over the socket ``connection``.

        Raises BrokenPipeError if the server has answered or hung up, and SendError if it takes no
        bytes for too long.
        """
        self._socket = connection
        connection.settimeout(0)
        view = memoryview(data).cast("B")
        while view:
            self._hear()
            try:
                view = view[connection.send(view[:_PIECE]) :]
                self._head.restart_bound()
            except _NOT_NOW as error:
                wants_read = isinstance(error, ssl.SSLWantReadError)
                self._wait(select.POLLIN if wants_read else select.POLLIN | select.POLLOUT)
            except ConnectionError:
                self._hear()
                raise

    def await_answer(self) -> Callable[..., http.client.HTTPResponse]:
        """Wait until the final answer begins, and return the class to make the response with.

        Raises SendError after ``answer_timeout``, and ConnectionResetError if the server hangs up.
        """
        self._deadline = time.monotonic() + self._answer_timeout
        while not self._has_answer():
            with contextlib.suppress(BrokenPipeError):
                self._hear()
            if self._ended and not self._has_answer():
                raise ConnectionResetError(errno.ECONNRESET, "the connection was cut")
            if not self._has_answer():
                self._wait(select.POLLIN)
        return functools.partial(timed_response, self._deadline, head=self._head)

    def _has_answer(self) -> bool:
        return self._head.has_begun(ended=self._ended)

    def _hear(self) -> None:
        """Take the bytes that the server has sent so far.

        Raises BrokenPipeError if the final answer is among them, or if the server hung up.
        """
        try:
            while not self._ended and not self._has_answer():
                self.check_time()
                self._cancel.check()
                data = self._socket.recv(_PIECE)
                self._ended = not data
                self._head.feed(data)
        except _NOT_NOW:
            return
        except OSError:
            self._ended = True
        raise BrokenPipeError(errno.EPIPE, "the server does not listen any more")

    def _wait(self, events: int) -> None:
        """Wait for the socket. Raises SendError if nothing happens for too long, and Cancelled."""
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
    """A connection that leaves all waiting to its exchange."""

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
        else:  # a request to a proxy, made by connect()
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
