"""Secrets in files: tokens that clients send to servers, and warnings about readable files."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

from imgadm.base.errors import ConfigError, FileSystemError

MIN_CHARACTERS = 16
_TOKEN = re.compile(rf"[A-Za-z0-9._~+/-]{{{MIN_CHARACTERS},512}}=*")
"""The pattern of a token: the syntax of RFC 6750, and a length that makes guessing hopeless."""


def read_token(path: Path, *, warn: Callable[[str], None] | None = None) -> str:
    """Return the token in the file ``path``.

    ``warn`` is called with a warning if other users can read the file. Raises FileSystemError, and
    ConfigError if the content is no token.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            text = file.read(4096).decode("ascii", "replace").strip()
    except OSError as error:
        raise FileSystemError.from_os_error(f'cannot read "{path}"', error) from error
    if not _TOKEN.fullmatch(text):
        raise ConfigError(
            f'the token in "{path}" is not {MIN_CHARACTERS} to 512 letters, digits and -._~+/ '
            "on one line"
        )
    if warn is not None and (warning := exposure_of(path, status.st_mode, "a token")):
        warn(warning)
    return text


def exposure_of(path: Path, mode: int, what: str) -> str | None:
    """Return a warning if users other than the owner can read ``path``, None otherwise.

    ``mode`` is the file's ``st_mode``, ``what`` the secret in it, with an article.
    """
    if not stat.S_ISREG(mode) or not mode & 0o044:
        return None
    return f'"{path}" has {what} in it, and others can read it: run chmod 600 "{path}"'
