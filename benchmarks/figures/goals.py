"""The goals: the contract on performance, one constant for each promise."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """A bound that ``must`` hold, and one to ``aim`` at; both are at most or both at least."""

    must: float
    aim: float
    at_most: bool

    def verdict(self, figure: float) -> str:
        """``good`` (the aim), ``ok`` (the must) or ``MISSED``."""
        if self._holds(figure, self.aim):
            return "good"
        return "ok" if self._holds(figure, self.must) else "MISSED"

    def _holds(self, figure: float, bound: float) -> bool:
        return figure <= bound if self.at_most else figure >= bound


def at_most(must: float, aim: float) -> Goal:
    return Goal(must, aim, at_most=True)


def at_least(must: float, aim: float) -> Goal:
    return Goal(must, aim, at_most=False)


SLOWEST_STAGE = dict.fromkeys(("gzip", "bzip2", "xz"), at_most(1.15, 1.03))
"""Wall time of an import into a draining process, in units of its slowest stage alone."""

TWO_PASS = {"gzip": at_least(3.0, 4.0)}
"""Wall time of the two-pass shape, in units of ours."""

SHELL = {
    **dict.fromkeys(("none", "gzip", "zstd"), at_least(1.0, 1.5)),
    **dict.fromkeys(("bzip2", "xz"), at_least(0.95, 1.05)),
}
"""Wall time of the best shell pipeline of the host, in units of ours."""

COPY = at_most(1.5, 1.0)
"""Wall time of an uncompressed zvol stream from a local file into a directory pool, in units of
``cp`` of that stream. Like with like: synced with synced, not synced with not synced.
"""

DISK_IMAGE = at_most(2.0, 1.2)
"""Wall time of ``imgadm create --disk`` with no compression, in units of ``cp --sparse=always`` of
that disk, both synced.
"""

COMPRESSION = {
    "gzip": at_least(2.0, 5.0),
    **dict.fromkeys(("bzip2", "xz"), at_least(0.95, 1.1)),
}
"""Wall time of the usual program from a source to a file, in units of the stages of a creation."""

IMPORT_OF_OURS = at_least(1.5, 1.9)
"""Wall time of an import of a file of gzip, in units of an import of our file of the same bytes."""

COMPRESSION_MEMORY = at_most(256, 128)
"""Peak resident memory of a creation, in MiB."""

MEMORY = at_most(160, 96)
"""Peak resident memory of an import, or of a create from a disk, in MiB, whatever its size."""

CONTAINERS = at_most(1.0, 0.6)
"""Wall time of an import of a container image of ten layers into a directory pool, in units of
``skopeo copy`` to a directory and ``umoci unpack``; and its peak resident memory, in MiB.
"""
CONTAINERS_MEMORY = at_most(192, 128)

STARTUP = at_most(4, 2)
"""Wall time of ``imgadm --version``, in units of ``python3 -c pass``."""

SHA1 = at_most(1.02, 1.0)
"""Time to hash, in units of OpenSSL's; two parts in a hundred are noise."""

LIST_NOTHING = at_most(6, 3)
"""Wall time of ``imgadm list`` without images, in units of ``python3 -c pass``."""
LIST_MANY = at_most(25, 12)
"""Wall time of ``imgadm list`` with 10,000 images, in units of ``python3 -c pass``."""

AVAIL_MANY = at_most(4, 2)
"""Wall time of ``imgadm avail``, as a table or as JSON, of 10,000 images, in units of ``curl`` of
the same and ``json.load``.
"""
