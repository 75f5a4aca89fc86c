"""A set of very many paths in little memory, such as those that a layer has made so far."""

from __future__ import annotations

from array import array
from bisect import bisect_left

_LOOSE = 1 << 16
"""The number of hashes in a Python set; more are packed, in eight bytes each."""


class PathSet:
    """A set of paths, kept as hashes of 64 bits, to which paths are added and never removed.

    Python hashes bytes with a random key in every process, so that nobody can make an archive whose
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
