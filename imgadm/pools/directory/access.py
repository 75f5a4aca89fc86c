"""Who may read the images of a directory pool: their owner, unless ``POOL/pool.json`` says more.

::

    {"mode": "0640", "group": "kvm"}

``mode`` is that of files, and directories get the right to search where it has that to read;
``group`` is a name or a number, and without it files keep the group that the system gives them.
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

SETTINGS = "pool.json"

_PRIVATE_DIRECTORY = 0o700
_MOST_BYTES = 64 * 1024
#: What chown(2) takes for "leave it as it is".
_NO_GROUP = (1 << 32) - 1
_MODES = frozenset({0o600, 0o640, 0o644, 0o660, 0o664})


@dataclass(frozen=True)
class Access:
    """What the files of an image get: ``mode``, and ``group``, the id of one."""

    mode: int = 0o600
    group: int | None = None

    def apply_to_file(self, descriptor: int) -> None:
        """Set group and mode, whatever the umask; raises OSError."""
        self._set_group(descriptor)
        os.fchmod(descriptor, self.mode)

    def apply_to_directory(self, descriptor: int, *, has_root: bool) -> None:
        """Likewise. A directory with a file tree is for its owner alone: what is set-uid in there
        is nothing for other users of this host.
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
                reason = f"{SETTINGS} gives files to group {self.group}, and you are not in it"
                raise PermissionError(error.errno, reason) from error


def read_access(pool: Path) -> Access:
    """What the settings of a pool say.

    Raises ConfigError for settings that make no sense, or that somebody else may have written, and
    FileSystemError where they cannot be read.
    """
    path = pool / SETTINGS
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
        raise ValueError(f'"{unknown[0]}" means nothing, "mode" and "group" do')
    return Access(_mode(settings.get("mode", "0600")), _group(settings.get("group")))


def _mode(value: Any) -> int:
    modes = ", ".join(f'"{mode:04o}"' for mode in sorted(_MODES))
    if not isinstance(value, str) or value not in {f"{mode:04o}" for mode in _MODES}:
        raise ValueError(f'"mode" is {json.dumps(value)}, it can be {modes}')
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
