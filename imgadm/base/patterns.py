"""The forms of identifiers: UUIDs, SHA-1 sums, digests and error codes."""

from __future__ import annotations

import re
from typing import TypeGuard

from imgadm.base.errors import InvalidUUIDError
from imgadm.base.text import excerpt

UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
"""The regular expression of a UUID: 32 lower-case hexadecimal digits in five groups, any version.

It has no group of its own, so that other expressions can contain it.
"""

NO_OWNER = "00000000-0000-0000-0000-000000000000"
"""The UUID that manifests name as the owner of an image that belongs to no account."""

_UUID = re.compile(UUID)
_SHA1 = re.compile(r"[0-9a-fA-F]{40}")
_ERROR_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


def is_uuid(value: object) -> TypeGuard[str]:
    """Tell whether ``value`` is a UUID, which is safe as a path element and as a dataset name."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def check_uuid(value: object) -> str:
    """Return ``value`` if it is a UUID, raise :class:`InvalidUUIDError` otherwise."""
    if is_uuid(value):
        return value
    raise InvalidUUIDError(excerpt(value))


def uuid_of_digits(digits: str) -> str:
    """Return the first 32 of ``digits``, lower-case hexadecimal ones, in the groups of a UUID."""
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))


def is_sha1(value: object) -> TypeGuard[str]:
    """Tell whether ``value`` is a SHA-1 in hexadecimal digits, of either case."""
    return isinstance(value, str) and _SHA1.fullmatch(value) is not None


def is_digest(value: object) -> TypeGuard[str]:
    """Tell whether ``value`` is ``ALGORITHM:HEXADECIMAL`` of an algorithm that imgadm can check.

    Those are ``sha256`` and ``sha512``, with lower-case digits.
    """
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def is_error_code(value: object) -> TypeGuard[str]:
    """Tell whether ``value``, from a server's answer, is the code of an error: one short word."""
    return isinstance(value, str) and _ERROR_CODE.fullmatch(value) is not None
