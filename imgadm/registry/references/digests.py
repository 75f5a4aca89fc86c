"""Digests, by which registries name what they keep: ``ALGORITHM:HEXADECIMAL``."""

from __future__ import annotations

import hashlib
import re
from typing import TypeGuard

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


def is_digest(value: object) -> TypeGuard[str]:
    """Tell whether ``value`` is a digest of an algorithm that we can check."""
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


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
