"""The head of an HTTP answer, found in bytes that come in any pieces."""

from __future__ import annotations

import re

from imgadm.streams.http.failures import BadAnswerError

MAX_ANSWER_HEAD_BYTES = 512 << 10
"""The most bytes before a body, interim answers included."""

_STATUS_BYTES = len(b"HTTP/1.1 100")
_INTERIM = re.compile(rb"HTTP/1\.[0-9] 1(?!01)[0-9][0-9](?![0-9])")
_END = re.compile(rb"\n\r?\n")
_FIELD = re.compile(rb"[!-9;-~]*:")
_LINE = re.compile(rb"[^\n]*\n")


class AnswerHead:
    """The head of the final answer.

    Interim answers before it (RFC 9110, section 15.2) are passed over. The class reads nothing by
    itself: its user feeds it the bytes of the connection.
    """

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._searched = 0
        self._end = 0
        self._interim = 0

    def feed(self, data: bytes) -> None:
        """Take further bytes of the connection.

        Raises :class:`BadAnswerError` if no head ends within :data:`MAX_ANSWER_HEAD_BYTES`.
        """
        self._bytes += data
        while not self._end and (found := _END.search(self._bytes, max(0, self._searched - 2))):
            if _INTERIM.match(self._bytes):
                self._interim += found.end()
                del self._bytes[: found.end()]
                self._searched = 0
            else:
                self._end = found.end()
        self._searched = len(self._bytes)
        if self._interim + (self._end or len(self._bytes)) > MAX_ANSWER_HEAD_BYTES:
            raise BadAnswerError(f"there is no answer in the first {MAX_ANSWER_HEAD_BYTES} bytes")

    def restart_bound(self) -> None:
        """Forget the bytes of the interim answers so far.

        A server that still takes an upload may send interim answers for hours.
        """
        self._interim = 0

    @property
    def is_empty(self) -> bool:
        """Whether no byte has come after the interim answers."""
        return not self._bytes

    @property
    def is_complete(self) -> bool:
        """Whether the whole head has come."""
        return bool(self._end)

    def has_begun(self, *, ended: bool = False) -> bool:
        """Tell whether the bytes so far begin the final answer.

        ``ended``: the connection has ended, so that no more bytes come.
        """
        if len(self._bytes) < _STATUS_BYTES and not ended:
            return False
        return bool(self._bytes) and _INTERIM.match(self._bytes) is None

    def lines(self) -> list[bytes]:
        """Return the lines of the complete head, the blank one last.

        Lines that are no fields, or have a name that ``http.client`` does not accept, are left out:
        ``http.client`` would take the first of them for the end of the head.
        """
        first, *others = _LINE.findall(self._bytes, 0, self._end)
        kept, wanted = [first], True
        for line in others[:-1]:
            if line[:1] not in b" \t":  # else it continues the line before
                wanted = _FIELD.match(line) is not None
            if wanted:
                kept.append(line)
        return [*kept, *others[-1:]]

    def rest(self) -> bytes:
        """Return the bytes that came after the head."""
        return bytes(self._bytes[self._end :])
