"""The checksum stage, which hashes every byte and checks the digest and the size at the end."""

from __future__ import annotations

import hashlib
import re
from typing import Protocol

from imgadm._native import Sha1, move_and_hash
from imgadm.streams.engine.arguments import check_count
from imgadm.streams.engine.stage import Context, Inlet, Outlet, Stage
from imgadm.streams.errors import ChecksumError, MisuseError, SizeError


class _Hasher(Protocol):
    """The methods that the stage needs of a hash object; those of :mod:`hashlib` have them."""

    def update(self, data: memoryview, /) -> None: ...
    def hexdigest(self) -> str: ...


class _Checksum(Stage):
    """The stage that :func:`checksum` makes."""

    def __init__(self, algorithm: str, expected: str | None, size: int | None) -> None:
        self.name = "checksum"
        self.algorithm = algorithm
        self.verifies = expected is not None
        check_count("size", size)
        self._size = size
        self._seen = 0
        self._hasher: _Hasher
        if algorithm == "sha1":
            self._sha1, digest_size = Sha1(), 20
            self._hasher = self._sha1
            self.moves_descriptors = self.remembers_sha1 = True
        else:
            self._hasher, digest_size = _new_hash(algorithm)
        self._expected = None if expected is None else _digest(algorithm, expected, digest_size)

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        for buffer in inlet:
            self._seen += len(buffer)
            self._check_not_longer()
            self._hasher.update(buffer.view)
            outlet.put(buffer)
        self._finish(context)

    def run_descriptors(self, context: Context, source: int, sink: int) -> None:
        limit = {} if self._size is None else {"limit": self._size + 1}
        self._seen = move_and_hash(
            source,
            sink,
            context.cancel.fileno(),
            context.meter,
            self._sha1,
            **limit,
        )
        self._check_not_longer()
        self._finish(context)

    def _check_not_longer(self) -> None:
        if self._size is not None and self._seen > self._size:
            raise SizeError(
                f"expected {self._size} bytes, got more", got=self._seen, wanted=self._size
            )

    def _finish(self, context: Context) -> None:
        digest = self._hasher.hexdigest()
        context.facts[self.algorithm] = digest
        context.facts["size"] = self._seen
        if self._size is not None and self._seen < self._size:
            raise SizeError(
                f"expected {self._size} bytes, got {self._seen}",
                offset=self._seen,
                got=self._seen,
                wanted=self._size,
            )
        if self._expected is not None and digest != self._expected:
            raise ChecksumError(
                self.algorithm, got=digest, wanted=self._expected, offset=self._seen
            )

    def sha1_at(self, position: int, context: Context) -> Sha1 | None:
        if not self.remembers_sha1:
            return None
        while self._sha1.length < position:
            context.cancel.wait(0.01)
        return self._sha1.copy()


def _new_hash(algorithm: object) -> tuple[_Hasher, int]:
    """Return a hash and the size of its digests in bytes. Raises MisuseError."""
    try:
        hasher = hashlib.new(algorithm, usedforsecurity=False)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise MisuseError(
            f"unknown algorithm {algorithm!r}, expected one of hashlib such as sha256",
            got=algorithm,
        ) from None
    if hasher.digest_size == 0:
        raise MisuseError(
            f'digests of "{algorithm}" can have any length, expected an algorithm such as sha256',
            got=algorithm,
        )
    return hasher, hasher.digest_size


def _digest(algorithm: str, expected: object, size: int) -> str:
    """Return ``expected`` in lower case. Raises MisuseError if it can't be a digest."""
    if not isinstance(expected, str) or not re.fullmatch(f"[0-9A-Fa-f]{{{2 * size}}}", expected):
        raise MisuseError(
            f"expected is {expected!r}, but a digest of {algorithm} has {2 * size} hexadecimal "
            "digits",
            got=expected,
        )
    return expected.lower()


def checksum(algorithm: str, *, expected: str | None = None, size: int | None = None) -> Stage:
    """Return a stage that hashes all bytes and passes them on.

    ``algorithm`` is any of :mod:`hashlib` whose digests have a fixed length; the native core
    computes SHA-1. ``expected`` is the hexadecimal digest that the bytes must have, in upper or
    lower case. ``size`` is the exact number of bytes that must arrive. The stage leaves the digest
    in ``report.facts[algorithm]`` and the number of bytes in ``report.facts["size"]``. The next
    stage sees the end of the stream only after the check has passed.

    Raises MisuseError for arguments that no bytes could meet. The stage raises SizeError, as soon
    as one byte too many arrives, and ChecksumError.
    """
    return _Checksum(algorithm, expected, size)
