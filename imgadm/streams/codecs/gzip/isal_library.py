"""Intel's ISA-L, where a wheel of it exists for the processor.

``IMGADM_ISAL=0`` forbids its use.
"""

from __future__ import annotations

import functools
import importlib
import os
from typing import Any


@functools.cache
def _imported(name: str) -> Any:
    try:
        return importlib.import_module(f"isal.{name}")
    except ImportError:
        return None


def _allowed(name: str) -> Any:
    return None if os.environ.get("IMGADM_ISAL", "1") == "0" else _imported(name)


def load_igzip() -> Any:
    """Return the module with the library's own interface, or None."""
    return _allowed("igzip_lib")


def load_isal_zlib() -> Any:
    """Return the module with an interface like that of :mod:`zlib`, or None."""
    return _allowed("isal_zlib")
