"""Tokens: secrets that clients of a server show, each alone in a file."""

from __future__ import annotations

import re
from pathlib import Path

from imgadm.errors import ConfigError, FileSystemError

MIN_CHARACTERS = 16
_TOKEN = re.compile(rf"[A-Za-z0-9._~+/-]{{{MIN_CHARACTERS},512}}=*")
"""What RFC 6750 allows, and no less than can be guessed."""


def read_token(path: Path) -> str:
    """Return the token in the file; raises FileSystemError, and ConfigError for what is none."""
    try:
        with path.open("rb") as file:
            text = file.read(4096).decode("ascii", "replace").strip()
    except OSError as error:
        raise FileSystemError.from_os_error(f'cannot read "{path}"', error) from error
    if not _TOKEN.fullmatch(text):
        raise ConfigError(
            f'the token in "{path}" is not {MIN_CHARACTERS} to 512 letters, digits and -._~+/ '
            "on one line"
        )
    return text
