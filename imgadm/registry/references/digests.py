"""Digests, the names of content in registries: ``ALGORITHM:HEXADECIMAL``."""

from __future__ import annotations

import hashlib


def split_digest(digest: str) -> tuple[str, str]:
    """Return the algorithm, by :mod:`hashlib`'s name, and the hexadecimal digits."""
    algorithm, _, digits = digest.partition(":")
    return algorithm, digits


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    """Return the digest of ``data``."""
    return f"{algorithm}:{hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()}"


def matches(data: bytes, digest: str) -> bool:
    """Tell whether ``data`` is what ``digest`` names."""
    return digest_of(data, split_digest(digest)[0]) == digest
