"""The options that all ways of importing and installing share."""

from __future__ import annotations

from dataclasses import dataclass

from imgadm.base.locks.terms import Locks


@dataclass(frozen=True)
class ImportOptions:
    """How an import locks, and what it accepts.

    ``zstream`` means that the source sends each image as an uncompressed ZFS stream, as a host does
    that makes it with ``zfs send``. Its length and its checksum are not known beforehand.
    ``unverified`` accepts a file for which neither the manifest nor the server has a checksum.
    ``verify_origins`` refuses to import on top of an installed image unless the source proves that
    it has the same image. A connection that brings nothing for ``stall_timeout`` seconds is
    resumed.
    """

    locks: Locks
    zstream: bool = False
    verify_origins: bool = False
    unverified: bool = False
    stall_timeout: float = 30.0
