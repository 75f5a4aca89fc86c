"""One module per compression: how bytes are compressed.

An encoder reads the inlet to its end, and puts a whole file of its format on the outlet, of no
content too. What it writes depends on the bytes and the level, not on the number of threads.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from imgadm.streams.engine.stage import Context, Inlet, Outlet


@dataclass(frozen=True)
class Settings:
    """How hard to try, on how many threads."""

    level: int
    threads: int


Encode = Callable[[Inlet, Outlet, Context, Settings], None]


@dataclass(frozen=True)
class Levels:
    """From the fastest to the smallest, and the one that is taken where none is named."""

    lowest: int
    highest: int
    default: int

    def __contains__(self, level: int) -> bool:
        return self.lowest <= level <= self.highest

    def __str__(self) -> str:
        return f"{self.lowest} to {self.highest}"


#: Levels of each compression, those of its usual program; what they mean is told by its module.
LEVELS = {
    "gzip": Levels(1, 9, default=6),
    "bzip2": Levels(1, 9, default=9),
    "xz": Levels(0, 9, default=6),
    "zstd": Levels(1, 19, default=3),
}

#: Names of every compression that can be written, as manifests write them.
COMPRESSIONS = ("none", *LEVELS)


def load(compression: str) -> Encode:
    """The encoder, with its library imported only now."""
    module = importlib.import_module(f"imgadm.streams.codecs.{compression}.encode")
    encode: Encode = module.encode
    return encode
