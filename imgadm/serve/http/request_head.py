"""The head of a request, read strictly (RFC 9112).

A web server in front of this server and this server have to agree where a request ends. Otherwise
one client could put words into the request of another one (request smuggling). So whatever two
programs could read differently is refused with 400, and nothing is repaired.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from imgadm.base.text import excerpt
from imgadm.serve.http.replies import HttpError

MAX_REQUEST_HEAD_BYTES = 32 << 10
"""The most bytes of a head, its empty line included."""
_MAX_REQUEST_LINE_BYTES = 8 << 10
_MAX_FIELDS = 100
_MAX_LEADING_LINES = 2

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]"
_BEGINNING = re.compile(_TOKEN + rb"{0,64}(?: |\Z)|\r\Z")
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb"{1,64}) ([!-~]+) HTTP/([0-9])\.([0-9])")
_FIELD = re.compile(rb"(" + _TOKEN + rb"+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_STRAY = re.compile(rb"\r(?!\n)(?!\Z)|(?<!\r)\n|\x00")
_ONCE = frozenset({"authorization", "content-length", "content-type", "host", "transfer-encoding"})


class _HeaderFields(Mapping[str, str]):
    """The fields of a head by their names, in any case."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields = fields

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A well-formed head. ``minor`` is 0 or 1: the version is HTTP/1.0 or HTTP/1.1."""

    method: str
    target: str
    minor: int
    headers: _HeaderFields

    @property
    def keeps_connection(self) -> bool:
        """Whether the client may send another request after this one."""
        options = (self.headers.get("Connection") or "").lower().split(",")
        return self.minor == 1 and "close" not in (option.strip() for option in options)

    @property
    def awaits_permission(self) -> bool:
        """Whether the client sends the body only after it has been told to go on."""
        return self.minor == 1 and (self.headers.get("Expect") or "").lower() == "100-continue"


class HeadScanner:
    """A search for the end of a head while it arrives, which finds faults at once."""

    def __init__(self) -> None:
        self._looked_at = 0
        self._line_is_known = False

    def end(self, received: bytes | bytearray) -> int | None:
        """Return where the head in ``received`` ends, ``None`` if its end has not arrived.

        ``received`` is all that has arrived since the last request. Raises :class:`HttpError` for a
        fault that no further byte can mend.
        """
        begin = leading_lines(received)
        found = received.find(b"\r\n\r\n", max(begin, self._looked_at - 3))
        known = len(received) if found < 0 else found + 4
        stray = _STRAY.search(received, max(0, self._looked_at - 1), known)
        if stray is not None:
            raise _malformed("a line does not end with CR LF, or has a byte 0")
        self._looked_at = known
        if not self._line_is_known:
            self._check_line(bytes(received[begin : begin + _MAX_REQUEST_LINE_BYTES + 2]))
        if known > MAX_REQUEST_HEAD_BYTES:
            raise HttpError(
                431,
                "RequestHeaderFieldsTooLarge",
                f"the head of a request has at most {MAX_REQUEST_HEAD_BYTES} bytes",
            )
        return None if found < 0 else known

    def _check_line(self, text: bytes) -> None:
        line, ending, _ = text.partition(b"\r\n")
        if ending:
            _request_line(line)
            self._line_is_known = True
        elif len(text) > _MAX_REQUEST_LINE_BYTES:
            raise HttpError(
                414,
                "RequestURITooLong",
                f"a request line has at most {_MAX_REQUEST_LINE_BYTES} bytes",
            )
        elif not _BEGINNING.match(text):
            raise _malformed("this is no HTTP request")


def parse_head(head: bytes) -> RequestHead:
    """Return the parts of ``head``, which ends with an empty line; raises :class:`HttpError`."""
    begin = leading_lines(head)
    first, *lines = head[begin:].removesuffix(b"\r\n\r\n").split(b"\r\n")
    method, target, minor = _request_line(first)
    if len(lines) > _MAX_FIELDS:
        raise HttpError(
            431, "RequestHeaderFieldsTooLarge", f"a request has at most {_MAX_FIELDS} header fields"
        )
    fields: dict[str, str] = {}
    for line in lines:
        match = _FIELD.fullmatch(line)
        if match is None:
            raise HttpError(400, "InvalidHeader", f'not a header field: "{excerpt(line)}"')
        name, value = match[1].decode("ascii").lower(), match[2].decode("latin-1").strip(" \t")
        if name in fields and name in _ONCE:
            raise HttpError(400, "InvalidHeader", f"there are two fields {name}")
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    if minor == 1 and "host" not in fields:
        raise HttpError(400, "InvalidHeader", "the field Host is missing")
    return RequestHead(method, target, minor, _HeaderFields(fields))


def leading_lines(received: bytes | bytearray) -> int:
    """Return the length in bytes of the empty lines before a request; a few are allowed."""
    begin = 0
    while begin < 2 * _MAX_LEADING_LINES and received[begin : begin + 2] == b"\r\n":
        begin += 2
    return begin


def _request_line(line: bytes) -> tuple[str, str, int]:
    if len(line) > _MAX_REQUEST_LINE_BYTES:
        raise HttpError(
            414, "RequestURITooLong", f"a request line has at most {_MAX_REQUEST_LINE_BYTES} bytes"
        )
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        raise _malformed(f'not a request line: "{excerpt(line)}"')
    major, minor = int(match[3]), int(match[4])
    if major != 1:
        known = major in (2, 3)
        raise HttpError(
            505 if known else 400,
            "HTTPVersionNotSupported" if known else "BadRequestError",
            "this server speaks HTTP/1.1",
        )
    return match[1].decode("ascii"), match[2].decode("ascii"), min(minor, 1)


def _malformed(message: str) -> HttpError:
    return HttpError(400, "BadRequestError", message)
