"""The requirements for a file on a server, compared with the head of its answer."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from imgadm.base.text import excerpt
from imgadm.streams.errors import ChecksumError, FetchError, SizeError
from imgadm.streams.http.answers.body import Body

UseOfMd5 = Literal["ignored", "checked", "required"]
"""The use of the Content-MD5 that a server may send (RFC 1864)."""

_SHOWN_MD5 = 80
_PAGES = frozenset({"text/html", "application/xhtml+xml"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """Requirements for a file.

    ``size`` is the size of the file in bytes, None if it is not known. ``length_required``: the
    answer must name a length. Methods raise FetchError and SizeError for an answer that does not
    fit.
    """

    size: int | None
    length_required: bool
    content_md5: UseOfMd5

    def total_of(self, body: Body, headers: Mapping[str, str]) -> int | None:
        """Return the number of bytes that will come, None if that is unknown."""
        self._check_type(body, headers.get("Content-Type", ""))
        length, header = body.length, headers.get("Content-Length")
        if length is None and self.length_required and not body.is_coded:
            raise SizeError(
                f"the server does not say how long the file is (Content-Length: {header})",
                got=header,
                wanted=self.size,
            )
        if length is not None and self.size is not None and length != self.size:
            raise SizeError(
                f"expected {self.size} bytes, the server offers {length} (Content-Length)",
                got=length,
                wanted=self.size,
            )
        return length if length is not None else self.size

    def md5_of(self, body: Body, headers: Mapping[str, str]) -> ContentMd5 | None:
        """Return the checksum to compare the file with, None if there is none.

        The checksum of an answer whose coding is undone is not used: it is that of the coded bytes.
        """
        header = None if body.is_coded else headers.get("Content-MD5")
        if self.content_md5 == "ignored":
            return None
        if header is None and self.content_md5 == "required":
            raise FetchError(
                "the file cannot be verified: neither the manifest nor the server has a checksum "
                "(sha1, Content-MD5)",
                code="Unverified",
                final=True,
            )
        return None if header is None else ContentMd5(header.strip())

    def _check_type(self, body: Body, header: str) -> None:
        """Raise FetchError for a web page, unless it has exactly the size of the file."""
        kind = header.partition(";")[0].strip().lower()
        proven = self.size is not None and body.length == self.size
        if kind in _PAGES and not proven:
            raise FetchError(
                f"{body.address} answered with a web page ({kind}) where a file was expected, such "
                "as a login page, a list of a directory or an error; look at it in a browser",
                final=True,
            )


class ContentMd5:
    """The MD5 of the bytes that pass, and the one that a server promised.

    ``wanted`` is the header Content-MD5, in Base64. It may hold the same value several times.
    """

    def __init__(self, wanted: str) -> None:
        named = {value.strip() for value in wanted.split(",")}
        self._wanted = excerpt(named.pop() if len(named) == 1 else wanted)[:_SHOWN_MD5]
        self._hash = hashlib.md5(usedforsecurity=False)

    def update(self, data: memoryview) -> None:
        """Take further bytes of the file."""
        self._hash.update(data)

    def checked(self, size: int) -> str:
        """Return the MD5 of all ``size`` bytes. Raises ChecksumError unless it was promised."""
        got = b64encode(self._hash.digest()).decode()
        if got.rstrip("=") != self._wanted.rstrip("="):
            raise ChecksumError("Content-MD5", got=got, wanted=self._wanted, offset=size)
        return got
