"""Checks a ZFS send stream the way a receiver does, record by record.

Layout: ``struct dmu_replay_record`` of OpenZFS, include/sys/zfs_ioctl.h. A record is a header of
312 bytes and a payload; from the BEGIN record on, a fletcher4 sum runs over all of it.
"""

import struct
import sys
from array import array

MAGIC = 0x2F5BACBAC
HEADER_BYTES = 312
SUM_OFFSET = 280
BEGIN, OBJECT, WRITE, END, SPILL, WRITE_EMBEDDED = 0, 1, 3, 5, 7, 8
LAST_TYPE = 10
CLONE_FLAG = 1
TYPES = {2: "filesystem", 3: "volume"}
WORD = 2**64 - 1


class BadStreamError(Exception):
    """The text is what libzfs says."""


class Stream:
    """What the BEGIN record of a well-formed stream says."""

    def __init__(self, data):
        if not data:
            raise BadStreamError("cannot receive: failed to read from stream")
        self.order = "<" if data[8:16] == struct.pack("<Q", MAGIC) else ">"
        if data[8:16] != struct.pack(self.order + "Q", MAGIC) or len(data) < HEADER_BYTES:
            raise BadStreamError("cannot receive: invalid stream (bad magic number)")
        kind, flags, toguid, fromguid = struct.unpack_from(self.order + "IIQQ", data, 32)
        self.type = TYPES.get(kind, "filesystem")
        self.is_clone = bool(flags & CLONE_FLAG)
        self.guid = str(toguid)
        self.origin_guid = str(fromguid) if fromguid else None
        self.snapshot = data[56:HEADER_BYTES].split(b"\0")[0].decode().partition("@")[2]
        self._data = data
        self._sum = (0, 0, 0, 0)
        if not self.snapshot or not self._is_whole():
            kind = "incremental" if fromguid else "new filesystem"
            reason = "checksum mismatch or incomplete stream"
            raise BadStreamError(f"cannot receive {kind} stream: {reason}")

    def _is_whole(self):
        position = 0
        while position + HEADER_BYTES <= len(self._data):
            kind, begin_payload = struct.unpack_from(self.order + "II", self._data, position)
            if kind > LAST_TYPE or (kind == BEGIN and position):
                return False
            if kind == END and self._sum != self._words(position + 8):
                return False
            self._feed(position, position + SUM_OFFSET)
            if kind != BEGIN and self._words(position + SUM_OFFSET) not in (self._sum, (0,) * 4):
                return False
            if kind == END:
                return True
            payload = begin_payload if kind == BEGIN else self._payload_bytes(kind, position)
            end = position + HEADER_BYTES + payload
            if end > len(self._data):
                return False
            self._feed(position + SUM_OFFSET, end)
            position = end
        return False

    def _words(self, position):
        return struct.unpack_from(self.order + "4Q", self._data, position)

    def _payload_bytes(self, kind, position):
        def field(offset, letter):
            return struct.unpack_from(self.order + letter, self._data, position + offset)[0]

        if kind == OBJECT:
            return field(36, "I") or (field(28, "I") + 7) // 8 * 8
        if kind == WRITE:
            return field(96, "Q") if field(50, "B") else field(32, "Q")
        if kind == SPILL:
            return field(40, "Q") or field(16, "Q")
        if kind == WRITE_EMBEDDED:
            return (field(52, "I") + 7) // 8 * 8
        return 0

    def _feed(self, start, end):
        words = array("I", self._data[start : end - (end - start) % 4])
        if self.order != {"little": "<", "big": ">"}[sys.byteorder]:
            words.byteswap()
        a, b, c, d = self._sum
        for word in words:
            a += word
            b += a
            c += b
            d += c
        self._sum = (a & WORD, b & WORD, c & WORD, d & WORD)
