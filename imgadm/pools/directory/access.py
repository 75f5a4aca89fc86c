"""The access to the images of a directory pool, as ``POOL/pool.json`` sets it.

::

    {"mode": "0640", "group": "kvm"}

``mode`` is the mode of files; in directories, everyone who may read may also search. ``group`` is a
name or a number. Without it files keep the group that the system gives them. Without the file
``pool.json``, only the owner of an image can read it.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgadm.base.errors import ConfigError, FileSystemError
from imgadm.base.files.opening import open_regular

_SETTINGS = "pool.json"

_PRIVATE_DIRECTORY = 0o700
_MOST_BYTES = 64 * 1024
_NO_GROUP = (1 << 32) - 1
"""The number with which chown(2) leaves the group as it is."""
_MODES = frozenset({0o600, 0o640, 0o644, 0o660, 0o664})


@dataclass(frozen=True)
class Access:
    """The ``mode`` of an image's files, and the id of their ``group``, ``None`` to leave it."""

    mode: int = 0o600
    group: int | None = None

    def apply_to_file(self, descriptor: int) -> None:
        """Set group and mode, whatever the umask; raises OSError."""
        self._set_group(descriptor)
        os.fchmod(descriptor, self.mode)

    def apply_to_directory(self, descriptor: int, *, has_root: bool) -> None:
        """Set group and mode of a directory; raises OSError.

        A directory with a file tree (``has_root``) is for its owner alone: no other user of this
        host must be able to run the set-uid programs in the tree.
        """
        if has_root:
            os.fchmod(descriptor, _PRIVATE_DIRECTORY)
            return
        self._set_group(descriptor)
        os.fchmod(descriptor, _PRIVATE_DIRECTORY | (self.mode & 0o044) | (self.mode & 0o044) >> 2)

    def _set_group(self, descriptor: int) -> None:
        if self.group is not None and os.fstat(descriptor).st_gid != self.group:
            try:
                os.fchown(descriptor, -1, self.group)
            except PermissionError as error:
                reason = f"{_SETTINGS} gives files to group {self.group}, and you are not in it"
                raise PermissionError(error.errno, reason) from error


def read_access(pool: Path) -> Access:
    """Return the access that the settings of a pool set.

    Raises ConfigError for settings that make no sense, or that an untrusted user may have written,
    and FileSystemError if they cannot be read.
    """
    path = pool / _SETTINGS
    try:
        descriptor = open_regular(path)
    except FileNotFoundError:
        return Access()
    except OSError as error:
        raise FileSystemError.from_os_error(f'cannot read "{path}"', error) from error
    try:
        status = os.fstat(descriptor)
        if status.st_uid not in (0, os.geteuid(), pool.stat().st_uid):
            raise ConfigError(
                f'"{path}" belongs to user {status.st_uid}, and says who may read images: it has '
                "to belong to root, to you, or to the owner of the pool"
            )
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise ConfigError(f'"{path}" can be written to by others: run chmod go-w on it')
        content = os.pread(descriptor, _MOST_BYTES, 0)
    finally:
        os.close(descriptor)
    try:
        return _parse(json.loads(content))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f'"{path}" does not say who may read images: {error}') from error


def _parse(settings: Any) -> Access:
    if not isinstance(settings, dict):
        raise ValueError('an object is wanted, such as {"mode": "0640", "group": "kvm"}')
    if unknown := sorted(settings.keys() - {"mode", "group"}):
        raise ValueError(f'"{unknown[0]}" is not known, only "mode" and "group" are')
    return Access(_mode(settings.get("mode", "0600")), _group(settings.get("group")))


def _mode(value: Any) -> int:
    modes = ", ".join(f'"{mode:04o}"' for mode in sorted(_MODES))
    if not isinstance(value, str) or value not in {f"{mode:04o}" for mode in _MODES}:
        raise ValueError(f'"mode" is {json.dumps(value)}; it has to be one of {modes}')
    return int(value, 8)


def _group(value: Any) -> int | None:
    if value is None or (type(value) is int and 0 <= value < _NO_GROUP):
        return value
    if not isinstance(value, str):
        raise ValueError('"group" is neither a name nor a number')
    import grp

    try:
        return grp.getgrnam(value).gr_gid
    except KeyError:
        raise ValueError(f'there is no group "{value}" on this host') from None
