"""Conditional and partial requests (RFC 9110, sections 13 and 14), as pure functions.

Entity tags are sent in quotes, and understood with and without them: other image servers send them
without, and their clients send them back that way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import formatdate, parsedate_to_datetime

Headers = Mapping[str, str | None]
"""The header fields of a request, by their names in any case."""

_RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*")


@dataclass(frozen=True, slots=True)
class Validators:
    """The validators of a content, which tell it from another one.

    ``etag`` is its entity tag without quotes, ``modified`` the time of its last change in seconds
    since 1970, if known.
    """

    etag: str
    modified: float | None = None

    def headers(self) -> dict[str, str]:
        """Return the validators as header fields of a reply."""
        fields = {"ETag": f'"{self.etag}"'}
        if self.modified is not None:
            fields["Last-Modified"] = formatdate(int(self.modified), usegmt=True)
        return fields

    def not_modified(self, request: Headers) -> bool:
        """Tell whether the client has this content already."""
        known = request.get("If-None-Match")
        if known is not None:
            return self._matches(known)
        since = _time(request.get("If-Modified-Since"))
        return since is not None and self.modified is not None and int(self.modified) <= since

    def precondition_fails(self, request: Headers) -> bool:
        """Tell whether the client asks for another content than this one."""
        wanted = request.get("If-Match")
        if wanted is not None:
            return not self._matches(wanted)
        since = _time(request.get("If-Unmodified-Since"))
        return since is not None and self.modified is not None and int(self.modified) > since

    def range_applies(self, request: Headers) -> bool:
        """Tell whether a part of this content belongs to what the client already has."""
        condition = request.get("If-Range")
        if condition is None:
            return True
        if condition.strip().startswith("W/"):
            return False
        return condition.strip() == self.headers().get("Last-Modified") or (
            _bare(condition) == self.etag
        )

    def _matches(self, header: str) -> bool:
        return header.strip() == "*" or self.etag in map(_bare, header.split(","))


class UnsatisfiableRangeError(ValueError):
    """A range outside of the file."""


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return offset and length in bytes, or ``None`` if the client is to get the whole file.

    It gets the whole file if it asks for several ranges, uses another unit, or sends nonsense: the
    standard allows that. ``size`` is that of the file. Raises :class:`UnsatisfiableRangeError`.
    """
    match = _RANGE.fullmatch(header) if header else None
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        length = min(int(match[2]), size)
        if length == 0:
            raise UnsatisfiableRangeError
        return size - length, length
    first = int(match[1])
    last = int(match[2]) if match[2] else max(first, size - 1)
    if last < first:
        return None
    if first >= size:
        raise UnsatisfiableRangeError
    return first, min(last, size - 1) - first + 1


def _bare(tag: str) -> str:
    return tag.strip().removeprefix("W/").strip('"')


def _time(header: str | None) -> float | None:
    if header is None:
        return None
    try:
        moment = parsedate_to_datetime(header)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
