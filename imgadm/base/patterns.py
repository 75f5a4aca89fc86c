"""UUIDs of images: 32 lower-case hexadecimal digits in five groups, any version."""

from __future__ import annotations

import re
from typing import TypeGuard

from imgadm.base.errors import InvalidUUIDError
from imgadm.base.json_values import display

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def is_uuid(value: object) -> TypeGuard[str]:
    """Tell whether ``value`` is a UUID, and so safe as a path element and as a dataset name."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def check_uuid(value: object) -> str:
    """Return ``value`` if it is a UUID, raise :class:`InvalidUUIDError` otherwise."""
    if is_uuid(value):
        return value
    raise InvalidUUIDError(display(value))
