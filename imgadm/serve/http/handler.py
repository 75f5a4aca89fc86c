"""The service of one connection: it reads requests and sends replies."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Protocol
from uuid import uuid4

from imgadm import __version__
from imgadm.base.text import excerpt
from imgadm.serve.content import GeneratedBytes, StoredBytes
from imgadm.serve.http.connection_input import ConnectionInput
from imgadm.serve.http.connections import ServedConnection
from imgadm.serve.http.replies import HttpError, Reply
from imgadm.serve.http.reply_bodies import BodySender
from imgadm.serve.http.request import HttpRequest, Responder
from imgadm.serve.http.request_body import RequestBody
from imgadm.serve.http.request_head import RequestHead, parse_head

_LINGER_SECONDS = 2.0
_UNSENT_BYTES = 256 << 10
_MISUNDERSTOOD = (400, 421)
"""The statuses after which the connection ends.

The bytes that follow such a request may be part of it, or meant for another server.
"""
_REQUEST_ID = re.compile(r"[!-~]{1,128}")


@dataclass(frozen=True, slots=True)
class AccessRecord:
    """A request that was answered.

    ``client`` is an IP address. ``method`` and ``target`` are printable, also those of a malformed
    request. ``sent`` counts the bytes of the reply's body, ``seconds`` is the time from the end of
    the request's head to the end of the reply.
    """

    client: str
    method: str
    target: str
    status: int
    sent: int
    seconds: float
    request_id: str


class ConnectionListener(Protocol):
    """An observer of what happens on connections."""

    def record(self, access: AccessRecord) -> None:
        """Take note of a request that was answered."""

    def report(self, error: Exception) -> None:
        """Take note of a failure of this server, of which the client learns no details."""


class ConnectionHandler:
    """The service of a connection ``served``, one request after the other.

    ``answer`` answers the requests. ``listener`` hears of every reply, and of failures.
    """

    def __init__(
        self,
        served: ServedConnection,
        answer: Responder,
        listener: ConnectionListener,
        *,
        idle_timeout: float,
        head_timeout: float,
    ) -> None:
        self._served = served
        self._connection = served.connection
        self._answer = answer
        self._listener = listener
        self._idle_timeout = idle_timeout
        self._input = ConnectionInput(
            self._connection, served.pace, idle_timeout=idle_timeout, head_timeout=head_timeout
        )
        self._began = time.monotonic()

    def run(self) -> None:
        """Serve until one side ends the connection; the caller closes it."""
        with contextlib.suppress(OSError):
            _set_up(self._connection)
            while self._serve_request():
                pass

    def _serve_request(self) -> bool:
        """Read one request and answer it; return whether another one may follow."""
        self._served.awaits_request()
        text = None
        try:
            text = self._input.read_head()
            if text is None:
                return False
            self._served.is_answering()
            self._began = time.monotonic()
            head = parse_head(text)
            body = RequestBody(head, self._input, self._send_continue)
        except HttpError as error:
            self._refuse(error, self._input.begun if text is None else text)
            return False
        reply = self._reply(head, body)
        body.skip()
        keeps = head.keeps_connection and body.finished and reply.status not in _MISUNDERSTOOD
        keeps = self._send(reply, head, head.method, head.target, keeps=keeps)
        if not body.finished or reply.status in _MISUNDERSTOOD:
            self._linger()
        return keeps

    def _refuse(self, error: HttpError, received: bytes) -> None:
        """Answer bytes that are no request, and end the connection.

        It is unknown where the next request would begin.
        """
        self._began = time.monotonic()
        method, _, rest = received.lstrip(b"\r\n").partition(b"\r\n")[0].partition(b" ")
        target = rest.partition(b" ")[0]
        self._send(
            error.reply(),
            None,
            excerpt(method) or "-",
            excerpt(target) or "-",
            keeps=False,
        )
        self._linger()

    def _reply(self, head: RequestHead, body: RequestBody) -> Reply:
        try:
            return self._answer(HttpRequest(head, body, self._served.wait))
        except HttpError as error:
            return error.reply()
        except ConnectionAbortedError:
            raise
        except Exception as error:
            self._listener.report(error)
            return HttpError(500, "InternalError", "the server cannot answer").reply()

    def _send_continue(self) -> None:
        """Tell the client, which waits for that, to send the body."""
        BodySender(self._connection, self._served.pace, self._idle_timeout).memory(
            b"HTTP/1.1 100 Continue\r\n\r\n"
        )

    def _linger(self) -> None:
        """Read what the client still sends: closing before that could cost it the reply."""
        self._served.awaits_request()
        self._connection.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + _LINGER_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            self._connection.settimeout(left)
            if not self._connection.recv(64 << 10):
                break

    def _send(
        self, reply: Reply, head: RequestHead | None, method: str, target: str, *, keeps: bool
    ) -> bool:
        """Send ``reply`` to the request with this ``head``, ``None`` if it was malformed.

        Returns whether the connection can be used again. ``keeps`` says whether it can if nothing
        fails.
        """
        body = BodySender(self._connection, self._served.pace, self._idle_timeout)
        request_id = _request_id(head)
        length = reply.content_length
        chunked = length is None and not reply.is_bare and head is not None and head.minor == 1
        keeps = keeps and (chunked or reply.is_bare or length is not None)
        try:
            body.head(_head(reply, request_id, chunked=chunked, keeps=keeps))
            if method != "HEAD":
                self._send_body(reply, body, chunked)
        except Exception as error:
            keeps = False
            if not isinstance(error, (ConnectionError, TimeoutError)):
                self._listener.report(error)
        finally:
            if reply.source is not None:
                reply.source.close()
            self._listener.record(
                AccessRecord(
                    client=self._served.address,
                    method=method,
                    target=target,
                    status=reply.status,
                    sent=body.sent,
                    seconds=time.monotonic() - self._began,
                    request_id=request_id,
                )
            )
        return keeps

    def _send_body(self, reply: Reply, body: BodySender, chunked: bool) -> None:
        if isinstance(reply.source, StoredBytes):
            body.stored(reply.source, reply.offset, reply.length)
        elif isinstance(reply.source, GeneratedBytes):
            body.generated(reply.source, chunked=chunked)
        else:
            body.memory(reply.body)


def _set_up(connection: socket.socket) -> None:
    """Let the kernel send bytes at once, and keep few that it has not sent yet.

    Otherwise a slow client would seem to take nothing while the kernel empties its buffer.
    """
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)


def _head(reply: Reply, request_id: str, *, chunked: bool, keeps: bool) -> bytes:
    """Return status line and header fields."""
    fields = {
        "Server": f"imgadm/{__version__}",
        "Date": formatdate(usegmt=True),
        "x-request-id": request_id,
        **reply.headers,
    }
    if reply.content_length is not None:
        fields["Content-Length"] = str(reply.content_length)
    elif chunked:
        fields["Transfer-Encoding"] = "chunked"
    if not keeps:
        fields["Connection"] = "close"
    lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    if not all(line.isprintable() for line in lines):
        raise ValueError(f"a header field of a reply is not printable: {fields}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _request_id(head: RequestHead | None) -> str:
    given = "" if head is None else head.headers.get("x-request-id") or ""
    return given if _REQUEST_ID.fullmatch(given) else str(uuid4())
