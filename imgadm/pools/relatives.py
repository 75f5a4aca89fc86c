"""The snapshots of an image on a pool, and what is cloned from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Children:
    """The full names of the snapshots of an image, and of all that is cloned from it.

    ``unknown`` are images that may be cloned from it: this user cannot read their records.
    """

    snapshots: tuple[str, ...]
    clones: tuple[str, ...]
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImageSnapshot:
    """A snapshot of an image: its full ``name`` and its ZFS ``guid``, decimal, if known."""

    name: str
    guid: str | None
