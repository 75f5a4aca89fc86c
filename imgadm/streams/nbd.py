"""A disk that another program serves as a network block device, read at any offset.

What is needed of the protocol, https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md:
reading, and asking where there is nothing to read. Servers without structured replies are refused.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Any

from imgadm.streams.errors import StreamError

#: Bytes of one read; servers promise to take 32 MiB.
READ_SIZE = 1024 * 1024
#: Bytes that one question about holes is about, at most.
_STRETCH = 1024 * 1024 * 1024
#: Bytes of any answer but the content of the disk, at most.
_LONGEST_ANSWER = 16 * 1024 * 1024

_GREETING = [b"NBDMAGIC", b"IHAVEOPT"]
_OPTION_REPLY_MAGIC, _REQUEST_MAGIC, _CHUNK_MAGIC = 0x3E889045565A9, 0x25609513, 0x668E33EF
_FIXED_NEWSTYLE, _NO_ZEROES = 1, 2
_OPTION_GO, _OPTION_STRUCTURED, _OPTION_SET_META_CONTEXT = 7, 8, 10
_ACK, _INFO, _META_CONTEXT, _REFUSED = 1, 3, 4, 1 << 31
_INFO_EXPORT = 0
_READ, _DISCONNECT, _BLOCK_STATUS = 0, 2, 7
_DATA, _HOLE, _STATUS, _CHUNK_ERROR = 1, 2, 5, 1 << 15
_LAST_CHUNK = 1
_READS_AS_ZEROS = 2
_ALLOCATION = b"base:allocation"


class NbdError(StreamError):
    """The server of the disk does not answer, or answers with an error."""


class NbdDisk:
    """The default export of the server at the other end of ``connection``.

    The connection stays the caller's. ``size`` is in bytes. Methods raise NbdError, and OSError if
    the connection breaks.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._content = memoryview(bytearray(READ_SIZE))
        self._cookie = 0
        #: What was last told of holes: from where, up to where, and the runs of data in between.
        self._told = (0, 0)
        self._runs: list[tuple[int, int]] = []
        self.size = self._negotiate()

    def read(self, offset: int, size: int) -> memoryview:
        """At most ``size`` bytes from ``offset``, good until the next call; none at the end."""
        content = self._content[: max(0, min(size, READ_SIZE, self.size - offset))]
        if content.nbytes == 0:
            return content
        self._request(_READ, offset, content.nbytes)
        for kind, length in self._chunks():
            if kind == _DATA and length > 8:
                at = self._unpack(">Q")[0] - offset
                self._fill(self._part(content, at, length - 8))
            elif kind == _HOLE and length == 12:
                at, count = self._unpack(">QI")
                self._part(content, at - offset, count)[:] = bytes(count)
            else:
                self._unexpected(kind, length)
        return content

    def find_data(self, offset: int) -> tuple[int, int]:
        """The first run at or after ``offset`` that may hold data; past the end if none does."""
        at = offset
        while self._knows_holes and at < self.size:
            if not self._told[0] <= at <= self._told[1]:
                # Who comes from behind wants to know of what lies before, too.
                self._ask_for_holes(at - at % _STRETCH)
            while self._told[1] <= at:
                self._ask_for_holes(self._told[1])
            for start, end in self._runs:
                if end > at:
                    return max(start, offset), end
            at = self._told[1]
        return min(at, self.size), self.size

    def disconnect(self) -> None:
        """Tell the server that nothing more is wanted."""
        self._request(_DISCONNECT, 0, 0)

    def _negotiate(self) -> int:
        *greeting, flags = self._unpack(">8s8sH")
        if greeting != _GREETING or not flags & _FIXED_NEWSTYLE:
            raise NbdError("what serves the disk speaks no NBD that is known here")
        self._socket.sendall(struct.pack(">I", _FIXED_NEWSTYLE | flags & _NO_ZEROES))
        if self._option(_OPTION_STRUCTURED) is None:
            raise NbdError("what serves the disk knows no structured replies: is it too old?")
        wanted = struct.pack(">III", 0, 1, len(_ALLOCATION)) + _ALLOCATION
        contexts = self._option(_OPTION_SET_META_CONTEXT, wanted) or []
        self._knows_holes = any(kind == _META_CONTEXT for kind, _ in contexts)
        for kind, payload in self._option(_OPTION_GO, bytes(6)) or []:
            if kind == _INFO and len(payload) == 12:
                about, size, _ = struct.unpack(">HQH", payload)
                if about == _INFO_EXPORT:
                    return int(size)
        raise NbdError("what serves the disk does not offer it")

    def _option(self, option: int, data: bytes = b"") -> list[tuple[int, bytes]] | None:
        """Ask for an option; what comes before its acknowledgement, None if it is refused."""
        self._socket.sendall(_GREETING[1] + struct.pack(">II", option, len(data)) + data)
        answers: list[tuple[int, bytes]] = []
        while True:
            magic, about, kind, length = self._unpack(">QIII")
            if magic != _OPTION_REPLY_MAGIC or about != option or len(answers) > 100:
                self._unexpected(kind, length)
            payload = self._take(length)
            if kind == _ACK:
                return answers
            if kind & _REFUSED:
                return None
            answers.append((kind, payload))

    def _request(self, command: int, offset: int, size: int) -> None:
        self._cookie += 1
        request = struct.pack(">IHHQQI", _REQUEST_MAGIC, 0, command, self._cookie, offset, size)
        self._socket.sendall(request)

    def _chunks(self) -> Iterator[tuple[int, int]]:
        """Kind and length of each chunk of a reply; the reader takes that many bytes each time."""
        flags = 0
        while not flags & _LAST_CHUNK:
            magic, flags, kind, cookie, length = self._unpack(">IHHQI")
            if magic != _CHUNK_MAGIC or cookie != self._cookie:
                self._unexpected(kind, length)
            if kind & _CHUNK_ERROR and length >= 6:
                payload = self._take(length)
                number, size = struct.unpack_from(">IH", payload)
                said = payload[6 : 6 + size].decode(errors="replace") or f"error {number}"
                raise NbdError(f"the disk cannot be read: {said}")
            if length:  # else it only ends the reply
                yield kind, length

    def _ask_for_holes(self, offset: int) -> None:
        self._request(_BLOCK_STATUS, offset, min(_STRETCH, self.size - offset))
        at, runs = offset, []
        for kind, length in self._chunks():
            if kind != _STATUS or length % 8 != 4:
                self._unexpected(kind, length)
            for size, flags in struct.iter_unpack(">II", self._take(length)[4:]):
                if not flags & _READS_AS_ZEROS:
                    runs.append((at, at + size))
                at += size
        if at <= offset:
            raise NbdError("what serves the disk does not tell where its data is")
        self._told, self._runs = (offset, at), runs

    @staticmethod
    def _part(content: memoryview, at: int, size: int) -> memoryview:
        if at < 0 or at + size > content.nbytes:
            raise NbdError("what serves the disk sends other bytes than were asked for")
        return content[at : at + size]

    @staticmethod
    def _unexpected(kind: int, length: int) -> None:
        raise NbdError(f"what serves the disk answers out of turn (type {kind}, {length} bytes)")

    def _unpack(self, format_: str) -> tuple[Any, ...]:
        return struct.unpack(format_, self._take(struct.calcsize(format_)))

    def _take(self, size: int) -> bytes:
        if size > _LONGEST_ANSWER:
            raise NbdError(f"what serves the disk answers with {size} bytes")
        taken = bytearray(size)
        self._fill(memoryview(taken))
        return bytes(taken)

    def _fill(self, memory: memoryview) -> None:
        while memory.nbytes:
            count = self._socket.recv_into(memory)
            if count == 0:
                raise NbdError("what serves the disk has ended")
            memory = memory[count:]
