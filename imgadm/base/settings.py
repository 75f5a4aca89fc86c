"""The settings of one run that come from its environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from imgadm.base.errors import ConfigError, UsageError
from imgadm.base.patterns import uuid_of_digits

SYSTEM_ROOT = Path("/var/imgadm")
SYSTEM_LOCKS = Path("/var/run")
SYSTEM_LEGACY = Path("/var/db/imgadm")

_MAX_REQUEST_ID = 128
_SECONDS = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6})?")


@dataclass(frozen=True)
class Settings:
    """The directories and defaults of one run.

    ``root`` has the configuration, the records of installed images and the lists of image servers,
    ``lock_directory`` the lock files, and ``legacy_directory`` the state of imgadm 1 (None: there
    is none). ``default_pool`` is the default of ``-P`` (None: the host decides). ``insecure`` turns
    off the checks of TLS certificates for sources whose configuration does not say. ``request_id``
    marks log records and requests of this run.
    """

    root: Path
    lock_directory: Path
    legacy_directory: Path | None
    default_pool: str | None
    insecure: bool
    request_id: str

    @property
    def configuration_path(self) -> Path:
        return self.root / "imgadm.conf"

    @property
    def records_directory(self) -> Path:
        return self.root / "images"

    @property
    def cache_directory(self) -> Path:
        return self.root / "cache"

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str], *, uid: int, request: str | None = None
    ) -> Settings:
        """Return the settings in ``environ``; a variable that is set but empty counts as not set.

        ``uid`` is the user's id. ``request`` is the id of this run, if it is known already.
        """
        given_root = environ.get("IMGADM_ROOT")
        legacy: Path | None
        if given_root:
            root = Path(given_root).absolute()
            legacy = root.parent / "db" / "imgadm"
        elif uid == 0:
            root, legacy = SYSTEM_ROOT, SYSTEM_LEGACY
        else:
            root, legacy = _user_data_directory(environ) / "imgadm", None
        return cls(
            root=root,
            lock_directory=SYSTEM_LOCKS if root == SYSTEM_ROOT and uid == 0 else root / "locks",
            legacy_directory=legacy,
            default_pool=environ.get("IMGADM_POOL") or None,
            insecure=environ.get("IMGADM_INSECURE") == "1",
            request_id=request or request_id(environ),
        )


def request_id(environ: Mapping[str, str]) -> str:
    """Return the id of a run: ``REQ_ID`` or ``req_id`` if servers accept it, or a new UUID."""
    given = environ.get("REQ_ID") or environ.get("req_id") or ""
    fit = 0 < len(given) <= _MAX_REQUEST_ID and given.isascii() and given.isprintable()
    return given if fit and " " not in given else _random_uuid()


def patience(environ: Mapping[str, str]) -> float | None:
    """Return IMGADM_PATIENCE, the seconds that an answer of a source or program may take.

    Returns None if the variable is not set. Raises ConfigError if it is no number of seconds.
    """
    given = environ.get("IMGADM_PATIENCE", "")
    if not given:
        return None
    seconds = float(given) if _SECONDS.fullmatch(given) else 0.0
    if seconds <= 0:
        raise ConfigError(f'IMGADM_PATIENCE is "{given}", a number of seconds was expected')
    return seconds


def _user_data_directory(environ: Mapping[str, str]) -> Path:
    # The XDG Base Directory Specification 0.8 says to ignore a relative XDG_DATA_HOME.
    if (xdg := Path(environ.get("XDG_DATA_HOME", ""))).is_absolute():
        return xdg
    try:
        home = Path(environ.get("HOME") or "~").expanduser()
    except RuntimeError:  # the user is not in the password database either
        home = Path()
    if not home.is_absolute():
        raise UsageError("cannot tell your home directory: set HOME, or IMGADM_ROOT to a directory")
    return home / ".local" / "share"


def _random_uuid() -> str:
    content = bytearray(os.urandom(16))
    content[6] = content[6] & 0x0F | 0x40
    content[8] = content[8] & 0x3F | 0x80
    return uuid_of_digits(content.hex())
