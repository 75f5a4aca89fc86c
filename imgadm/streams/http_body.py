"""The body of one HTTP answer, read with as few copies as its connection allows."""

from __future__ import annotations

import contextlib
import socket
import ssl
from typing import TYPE_CHECKING, Any

from imgadm._native import Meter, read_into
from imgadm.streams.cancellation import CancelToken
from imgadm.streams.errors import Cancelled
from imgadm.streams.stage import waiting_for_input

if TYPE_CHECKING:
    from requests import Response


class Body:
    """Bytes of one answer, in order, until the connection or the promised length ends.

    ``descriptor`` is that of the socket where the rest of the body may be taken straight from it:
    plain HTTP with a known length. It may be used once :meth:`readinto` has returned something.
    """

    def __init__(self, response: Response) -> None:
        self._response = response
        # What requests and urllib3 offer copies every byte once more; http.client below them
        # fills a caller's buffer. Where these private names are gone, the public way still works.
        self._file: Any = getattr(response.raw, "_fp", None) or response.raw
        self._socket = _socket_of(self._file)
        self.length = _content_length(response)
        self.chunked = response.headers.get("Transfer-Encoding", "").lower() == "chunked"
        plain = self._socket is not None and not isinstance(self._socket, ssl.SSLSocket)
        straight = plain and self.length is not None and not self.chunked
        self.descriptor = self._socket.fileno() if straight and self._socket else None
        self._started = False

    def readinto(
        self, view: memoryview, cancel: CancelToken, meter: Meter, stall_milliseconds: int
    ) -> int:
        """Some bytes, at least one unless the body has ended (0). Raises OSError and Cancelled."""
        if self._started and self.descriptor is not None:
            return read_into(
                self.descriptor,
                view,
                cancel.fileno(),
                meter,
                stall_milliseconds=stall_milliseconds,
            )
        forget = cancel.on_cancel(self._interrupt)
        try:
            with waiting_for_input(meter):
                size = self._read_first(view) if not self._started else self._read(view)
        except Exception:
            if cancel.cancelled:
                raise Cancelled from None
            raise
        finally:
            forget()
        cancel.check()
        self._started = True
        return size

    def _read_first(self, view: memoryview) -> int:
        """What came along with the headers and sits in a buffer of http.client; then the rest."""
        if self.descriptor is None or not hasattr(self._file, "read1"):
            return self._read(view)
        data = self._file.read1(len(view))
        view[: len(data)] = data
        return len(data)

    def _read(self, view: memoryview) -> int:
        return int(self._file.readinto(view) or 0)

    def _interrupt(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._response.close()


def _socket_of(file: Any) -> socket.socket | None:
    raw = getattr(getattr(file, "fp", None), "raw", None)
    found = getattr(raw, "_sock", None)
    return found if isinstance(found, socket.socket) else None


def _content_length(response: Response) -> int | None:
    value = response.headers.get("Content-Length", "")
    return int(value) if value.isascii() and value.isdigit() else None
