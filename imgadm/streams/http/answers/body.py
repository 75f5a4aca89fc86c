"""The body of one HTTP answer, read with as few copies as the connection allows."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any

from imgadm._native import Cancelled, Meter, move_bytes, read_into, write_all
from imgadm.streams.engine.buffers import BUFFER_SIZE
from imgadm.streams.engine.cancellation import CancelToken
from imgadm.streams.engine.stage import waiting_for_input
from imgadm.streams.http.answers.codings import Uncoded
from imgadm.streams.http.answers.response import Floor
from imgadm.streams.http.failures import address_of

if TYPE_CHECKING:
    from requests import Response

_PIECE = 64 * 1024
"""The number of bytes that http.client is asked for at a time.

It loses an unfinished piece if the connection breaks.
"""

_STEP = 512 * 1024
"""The number of bytes that are read through http.client before they are passed on.

Progress shows in such steps.
"""


class Body:
    """The bytes of one answer, in order, until the connection or the promised length ends.

    ``length`` is the promised number of bytes, None if the server promises none. ``is_open_ended``:
    the server neither promises a length nor sends chunks, so that a body that was cut looks like a
    whole one. A ``coding`` is undone; then ``length`` is None and ``is_coded`` True. ``is_plain``:
    the bytes can be read directly from the socket once the buffer of http.client is empty, because
    the answer came over plain HTTP and has a length. ``address`` is the URL of the answer, without
    credentials and query. A body that has ``ended`` has no bytes.

    Reading raises Cancelled when the pipeline ends. It raises TimeoutError after ``stall_timeout``
    seconds without a byte (in http.client: after the timeout of the request), or if the server is
    slower than :class:`~.response.Floor` allows.
    """

    def __init__(
        self,
        response: Response,
        stall_timeout: float,
        *,
        ended: bool = False,
        coding: str | None = None,
    ) -> None:
        self._response = response
        self._stall_milliseconds = int(stall_timeout * 1000)
        self._floor = Floor(stall_timeout)
        # The public methods of requests and urllib3 copy every byte once more. http.client below
        # them fills a caller's buffer. If these private names disappear, the public way works.
        self._file: Any = getattr(response.raw, "_fp", None) or response.raw
        self._socket = _socket_of(self._file)
        sent = sent_length(response)
        self.length = None if coding else sent
        self.is_open_ended = sent is None and not getattr(self._file, "chunked", False)
        if self.is_open_ended and isinstance(self._socket, ssl.SSLSocket):
            # Otherwise a body that somebody cuts would pass for the whole.
            self._socket.suppress_ragged_eofs = False  # type: ignore[attr-defined]
        self._left = 0 if ended else self.length
        self._coded_left = sent
        self.is_coded = coding is not None
        self._uncoded = Uncoded(coding, self._read_coded) if coding else None
        plain = self._socket is not None and not isinstance(self._socket, ssl.SSLSocket)
        self.is_plain = plain and self.length is not None and hasattr(self._file, "read1")
        self.address = address_of(response.url)
        self._buffered = True
        self._trouble: Exception | None = None

    def readinto(self, view: memoryview, cancel: CancelToken, meter: Meter) -> int:
        """Read at least one byte into ``view``, and return how many; 0 at the end of the body."""
        view = view if self._left is None else view[: self._left]
        if not view:
            return 0
        if self.is_plain and not self._buffered:
            began = time.monotonic()
            size = read_into(
                self._descriptor(),
                view,
                cancel.fileno(),
                meter,
                stall_milliseconds=self._stall_milliseconds,
            )
            self._floor.check(time.monotonic() - began, size)
        else:
            size = self._read_through_http_client(view, cancel, meter)
        if self._left is not None:
            self._left -= size
        return size

    def move_to(self, sink: int, cancel: CancelToken, meter: Meter) -> None:
        """Move the rest into the pipe ``sink``, directly from the socket if the body is plain."""
        scratch = memoryview(bytearray(BUFFER_SIZE))
        while self._buffered or not self.is_plain:
            size = self.readinto(scratch, cancel, meter)
            if size == 0:
                return
            meter.add_in(size)
            write_all(sink, scratch[:size], cancel.fileno(), meter)
        assert self._left is not None
        move_bytes(
            self._descriptor(),
            sink,
            cancel.fileno(),
            meter,
            limit=self._left,
            stall_milliseconds=self._stall_milliseconds,
            floor_bytes=self._floor.size,
            floor_milliseconds=int(self._floor.seconds * 1000),
        )

    def _read_coded(self, limit: int) -> bytes:
        """Return bytes of a coded body, none at its promised end."""
        data: bytes = self._file.read1(limit)
        if self._coded_left is not None:
            self._coded_left -= len(data)
            if not data and self._coded_left > 0:
                raise ConnectionResetError("the connection was cut in the middle of a reply")
        return data

    def _descriptor(self) -> int:
        assert self._socket is not None
        return self._socket.fileno()

    def _read_through_http_client(self, view: memoryview, cancel: CancelToken, meter: Meter) -> int:
        forget = cancel.on_cancel(self._interrupt)
        try:
            with waiting_for_input(meter):
                size = self._read_in_python(view)
        except Exception:
            if cancel.cancelled:
                raise Cancelled from None
            raise
        finally:
            forget()
        cancel.check()
        return size

    def _read_in_python(self, view: memoryview) -> int:
        if self._uncoded is not None:
            data = self._uncoded.read(len(view))
            view[: len(data)] = data
            return len(data)
        return self._read_buffered(view) if self.is_plain else self._fill(view[:_STEP])

    def _read_buffered(self, view: memoryview) -> int:
        """Read the bytes that came together with the head, or further ones if none are left."""
        data = self._file.read1(len(view))
        view[: len(data)] = data
        self._buffered = len(data) == len(view)
        return len(data)

    def _fill(self, view: memoryview) -> int:
        """Fill ``view``. After an error behind the first bytes, the next call raises that error."""
        if self._trouble is not None:
            raise self._trouble
        filled = 0
        while filled < len(view):
            try:
                size = int(self._file.readinto(view[filled : filled + _PIECE]) or 0)
            except (OSError, http.client.HTTPException) as error:
                if filled == 0:
                    raise
                self._trouble = error
                break
            if size == 0:
                break
            filled += size
        return filled

    def _interrupt(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the answer."""
        self._response.close()


def _socket_of(file: Any) -> socket.socket | None:
    raw = getattr(getattr(file, "fp", None), "raw", None)
    found = getattr(raw, "connection", None) or getattr(raw, "_sock", None)
    return found if isinstance(found, socket.socket) else None


def sent_length(response: Response) -> int | None:
    """Return the promised length in bytes, None if the server promises none.

    An answer in chunks promises no length (RFC 9112, section 6.3), nor does a malformed one.
    """
    # The same length may come twice (RFC 9110, section 8.6). TimedResponse refuses two that differ.
    value = response.headers.get("Content-Length", "").partition(",")[0].strip()
    coding = response.headers.get("Transfer-Encoding", "identity").strip().lower()
    if coding not in ("", "identity") or not (value.isascii() and value.isdigit()):
        return None
    return int(value) if len(value) < 19 else None
