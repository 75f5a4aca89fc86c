"""One connection: requests read within bounds, replies sent, errors in IMGAPI's form."""

from __future__ import annotations

import http.client
import re
import socket
import time
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from io import BufferedReader
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from imgadm import __version__
from imgadm.serve.catalogue import GeneratedBytes, StoredBytes
from imgadm.serve.replies import HttpError, Reply
from imgadm.serve.request_body import CutBodyError, RequestBody
from imgadm.serve.transfer import BodySender

if TYPE_CHECKING:
    from imgadm.serve.server import ConnectionServer

MAX_REQUEST_LINE_BYTES = 8 << 10
MAX_HEAD_BYTES = 32 << 10
LINGER_SECONDS = 2.0

_TOKEN = re.compile(r"[!-~]{1,128}")
_CODES = {
    HTTPStatus.REQUEST_URI_TOO_LONG: "RequestURITooLong",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "RequestHeaderFieldsTooLarge",
    HTTPStatus.HTTP_VERSION_NOT_SUPPORTED: "HTTPVersionNotSupported",
}


@dataclass(frozen=True, slots=True)
class AccessRecord:
    """One request that was answered. ``sent`` counts bytes of the body, ``seconds`` the whole."""

    client: str
    method: str
    target: str
    status: int
    sent: int
    seconds: float
    request_id: str


class _BoundedHead:
    """A connection's input; reading more than :data:`MAX_HEAD_BYTES` of one head fails."""

    def __init__(self, stream: BufferedReader) -> None:
        self._stream = stream
        self._left = 0

    def begin(self) -> None:
        """Start a new head."""
        self._left = MAX_HEAD_BYTES

    def readline(self, limit: int = -1) -> bytes:
        """Return a line; :class:`http.client.LineTooLong` if the head gets too long."""
        most = self._left + 1
        line = self._stream.readline(most if limit < 0 else min(limit, most))
        self._left -= len(line)
        if self._left < 0:
            raise http.client.LineTooLong("request head")
        return line

    def readinto1(self, buffer: memoryview) -> int:
        """Read some bytes of a body; returns how many, 0 at the end."""
        return self._stream.readinto1(buffer)

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()


class ConnectionHandler(BaseHTTPRequestHandler):
    """Serves the requests of one connection, one after the other."""

    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.0"
    disable_nagle_algorithm = True
    server: ConnectionServer
    rfile: Any
    headers: Any = None

    def setup(self) -> None:
        """Bound what the client can make us wait for, and read."""
        super().setup()
        self.connection.settimeout(self.server.idle_timeout)
        self.rfile = _BoundedHead(self.rfile)

    def handle_one_request(self) -> None:
        """Read one request and answer it; whatever fails ends the connection."""
        self.command = self.path = self.requestline = ""
        self.request_version = "HTTP/1.0"
        self.headers = None
        self.close_connection = True
        self.rfile.begin()
        try:
            self.raw_requestline = self.rfile.readline(MAX_REQUEST_LINE_BYTES + 1)
            self._began = time.monotonic()
            if len(self.raw_requestline) > MAX_REQUEST_LINE_BYTES:
                self.send_error(HTTPStatus.REQUEST_URI_TOO_LONG)
            elif self.raw_requestline and self.parse_request():
                self._answer()
        except (OSError, http.client.HTTPException):
            self.close_connection = True

    def handle_expect_100(self) -> bool:
        """Ask for no body as yet: whoever waits for permission may get the reply instead."""
        return True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse a malformed request."""
        status = HTTPStatus(code)
        text = message or explain or status.description or status.phrase
        self.close_connection = True
        self._send(HttpError(status, _CODES.get(status, "BadRequestError"), text).reply())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base
        """Print nothing; :class:`AccessRecord` has it all."""

    def _answer(self) -> None:
        try:
            body = RequestBody(self.headers, self.rfile, self.send_continue)
        except HttpError as error:
            self.close_connection = True
            self._send(error.reply())
            return
        reply = self._reply(body)
        body.skip()
        if not body.finished:
            self.close_connection = True
        self._send(reply)
        if not body.finished:
            self._linger()

    def send_continue(self) -> None:
        """Tell a client that waits for it to send the body."""
        self.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _linger(self) -> None:
        """Take what is still being sent: to close on it could cost the client our reply."""
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(LINGER_SECONDS)
        deadline = time.monotonic() + LINGER_SECONDS
        while time.monotonic() < deadline and self.connection.recv(64 << 10):
            pass

    def _reply(self, body: RequestBody) -> Reply:
        try:
            return self.server.routes.answer(self.command, self.path, self.headers, body)
        except HttpError as error:
            return error.reply()
        except CutBodyError:
            raise
        except Exception as error:
            self.server.report(error)
            return HttpError(500, "InternalError", "the server cannot answer").reply()

    def _send(self, reply: Reply) -> None:
        body = BodySender(self.connection)
        request_id = self._request_id()
        try:
            chunked = self._send_head(reply, request_id)
            if self.command != "HEAD":
                self._send_body(reply, body, chunked)
        except Exception as error:
            self.close_connection = True
            if not isinstance(error, (ConnectionError, TimeoutError)):
                self.server.report(error)
        finally:
            if reply.source is not None:
                reply.source.close()
            self.server.record(
                AccessRecord(
                    client=str(self.client_address[0]),
                    method=self.command,
                    target=self.path,
                    status=reply.status,
                    sent=body.sent,
                    seconds=time.monotonic() - self._began,
                    request_id=request_id,
                )
            )

    def _send_head(self, reply: Reply, request_id: str) -> bool:
        """Send status and headers; return whether the body is to be sent in chunks."""
        self.send_response_only(reply.status)
        self.send_header("Server", f"imgadm/{__version__}")
        self.send_header("Date", self.date_time_string())
        self.send_header("x-request-id", request_id)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        length = reply.content_length
        chunked = length is None and not reply.is_bare and self.request_version == "HTTP/1.1"
        if length is not None:
            self.send_header("Content-Length", str(length))
        elif chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif not reply.is_bare:
            self.close_connection = True
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        return chunked

    def _send_body(self, reply: Reply, body: BodySender, chunked: bool) -> None:
        if isinstance(reply.source, StoredBytes):
            body.stored(reply.source, reply.offset, reply.length)
        elif isinstance(reply.source, GeneratedBytes):
            body.generated(reply.source, chunked=chunked)
        else:
            body.memory(reply.body)

    def _request_id(self) -> str:
        given = (self.headers and self.headers.get("x-request-id")) or ""
        return given if _TOKEN.fullmatch(given) else str(uuid4())
