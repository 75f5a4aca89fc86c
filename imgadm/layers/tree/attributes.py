"""The owners, modes, times and extended attributes of files, set as far as possible."""

from __future__ import annotations

import contextlib
import enum
import errno
import os
from collections.abc import Mapping

from imgadm.layers.archive.entry import ArchiveEntry, EntryKind
from imgadm.layers.tree.owners import OwnersWriter, Recorded

_SET_ID = 0o6000

_LEAST_FILE_MODE = 0o400
"""The permissions that the owner of a file keeps while that owner is not root.

The next layer, a reader and a deletion of the image need them.
"""

_LEAST_DIRECTORY_MODE = 0o700
"""The permissions that the owner of a directory keeps while that owner is not root."""

_OF_THE_HOST = (b"security.selinux", b"system.nfs4_acl", b"trusted.overlay.", b"user.overlay.")
"""The beginnings of attributes that are never unpacked.

They belong to the host that built the image, or would make its file system show a file as something
else.
"""

_REFUSED = {
    *(errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM, errno.EACCES, errno.EINVAL),
    *(errno.E2BIG, errno.ERANGE, errno.ENOSPC),
}
"""The errors for attributes that a file system or kernel does not keep, or not for this process.

Those of the second line are for attributes that are too long or too many for one file, for which
ext4 has no space.
"""


class Ownership(enum.Enum):
    """The policy for owners and devices: set on disk, or recorded in a file (:mod:`.owners`)."""

    REAL = "real"
    RECORDED = "recorded"

    @classmethod
    def of_this_process(cls) -> Ownership:
        """Return the policy that this process may follow: only root can give files away."""
        return cls.REAL if os.geteuid() == 0 else cls.RECORDED


class Attributes:
    """A setter of attributes, which records the attributes that it could not set.

    ``real`` tells whether owners and devices are set. ``refused`` is the number of extended
    attributes that could not be set, and ``first_refused`` the first of them.
    """

    def __init__(self, ownership: Ownership, owners: OwnersWriter) -> None:
        self.real = ownership is Ownership.REAL
        self._owners = owners
        self._records_all = owners.keeps_all
        self.refused = 0
        self.first_refused = b""

    def set_open(self, path: bytes, descriptor: int, entry: ArchiveEntry, *, anew: bool) -> None:
        """Set the attributes of an open file or directory, except for its times.

        ``anew`` tells that the file was made for this entry.
        """
        mode = self._settable_mode(entry)
        if self.real:
            os.fchown(descriptor, entry.uid, entry.gid)
        missing = self._set_xattrs(path, descriptor, entry.xattrs) if entry.xattrs else None
        os.fchmod(descriptor, mode)
        if self._records_all or missing or not anew:
            self._record(path, entry, mode=mode, missing=missing, anew=anew)

    def set_special(
        self, path: bytes, parent: int, name: bytes, entry: ArchiveEntry, *, as_file: bool = False
    ) -> None:
        """Set the attributes of a link, pipe or device.

        ``as_file`` tells that an empty file stands for a device.
        """
        mode = self._settable_mode(entry)
        if self.real:
            os.chown(name, entry.uid, entry.gid, dir_fd=parent, follow_symlinks=False)
        missing = None
        if entry.xattrs:
            missing = self._set_xattrs(path, by_descriptor(parent, name), entry.xattrs)
        if entry.kind is not EntryKind.SYMLINK:
            # Only this process changes the tree, and this is no link.
            os.chmod(name, mode, dir_fd=parent)
        times = (entry.mtime_ns, entry.mtime_ns)
        os.utime(name, ns=times, dir_fd=parent, follow_symlinks=False)
        if self._records_all or missing or as_file:
            self._record(path, entry, mode=mode, missing=missing, as_file=as_file)

    def _settable_mode(self, entry: ArchiveEntry) -> int:
        if self.real:
            return entry.mode
        least = _LEAST_DIRECTORY_MODE if entry.kind is EntryKind.DIRECTORY else _LEAST_FILE_MODE
        # Set-id bits would grant the rights of the user who unpacks.
        return entry.mode & ~_SET_ID | least

    def _set_xattrs(
        self, path: bytes, where: int | bytes, xattrs: Mapping[bytes, bytes]
    ) -> dict[bytes, bytes]:
        """Set the attributes, and return those that the file system or the kernel refused."""
        missing = {}
        for name, value in xattrs.items():
            if name.startswith(_OF_THE_HOST):
                continue
            if not _set_xattr(where, name, value):
                missing[name] = value
                self.refused += 1
                self.first_refused = self.first_refused or name + b" of " + path
        return missing

    def _record(
        self,
        path: bytes,
        entry: ArchiveEntry,
        *,
        mode: int,
        missing: Mapping[bytes, bytes] | None,
        as_file: bool = False,
        anew: bool = True,
    ) -> None:
        has_mode = entry.kind is EntryKind.SYMLINK or mode == entry.mode
        is_device = entry.kind in (EntryKind.CHARACTER_DEVICE, EntryKind.BLOCK_DEVICE)
        self._owners.record(
            path,
            Recorded(
                entry.uid,
                entry.gid,
                None if has_mode else entry.mode,
                entry.kind.value if as_file else None,
                entry.device if as_file and is_device else None,
                missing or {},
            ),
            anew=anew,
        )


def clear_xattrs(descriptor: int) -> None:
    """Remove a lower layer's extended attributes of a directory, before those of a new entry."""
    if not hasattr(os, "listxattr"):
        return
    with contextlib.suppress(OSError):
        for name in os.listxattr(descriptor):
            if not os.fsencode(name).startswith(_OF_THE_HOST):
                os.removexattr(descriptor, name)


def by_descriptor(parent: int, name: bytes) -> bytes:
    """Return a path to ``name`` that goes through the descriptor of its directory only."""
    return b"/proc/self/fd/%d/%s" % (parent, name)


def _set_xattr(where: int | bytes, name: bytes, value: bytes) -> bool:
    if not hasattr(os, "setxattr"):
        return False
    try:
        if isinstance(where, int):
            os.setxattr(where, name, value)
        else:
            os.setxattr(where, name, value, follow_symlinks=False)
    except OSError as error:
        if error.errno in _REFUSED or (error.errno == errno.ENOENT and isinstance(where, bytes)):
            return False
        raise
    return True
