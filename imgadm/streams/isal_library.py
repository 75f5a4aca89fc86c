"""Intel's ISA-L, where there is a wheel of it for the processor."""

from __future__ import annotations

import functools
import os
from typing import Any


@functools.cache
def _imported() -> Any:
    try:
        from isal import igzip_lib
    except ImportError:
        return None
    return igzip_lib


def load() -> Any:
    """The module, or None: there is none here, or ``IMGADM_ISAL=0`` forbids it."""
    return None if os.environ.get("IMGADM_ISAL", "1") == "0" else _imported()
