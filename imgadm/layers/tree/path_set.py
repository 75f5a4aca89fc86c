"""A set of very many paths in little memory, as what a layer has made so far."""

from __future__ import annotations

from array import array
from bisect import bisect_left

_LOOSE = 1 << 16
"""Paths that are kept loose; beyond that they are packed, in eight bytes each."""


class PathSet:
    """Paths are added and looked up, never removed. Kept as hashes of 64 bits.

    Python keys its hashes of bytes anew in every process, so that no archive can be made whose
    paths collide.
    """

    def __init__(self) -> None:
        self._loose: set[int] = set()
        self._packed: list[array[int]] = []

    def add(self, path: bytes) -> None:
        self._loose.add(hash(path))
        if len(self._loose) >= _LOOSE:
            self._packed.append(array("q", sorted(self._loose)))
            self._loose.clear()

    def __contains__(self, path: bytes) -> bool:
        key = hash(path)
        if key in self._loose:
            return True
        for run in self._packed:
            index = bisect_left(run, key)
            if index < len(run) and run[index] == key:
                return True
        return False

    def __bool__(self) -> bool:
        return bool(self._loose or self._packed)
