"""Programs that keep credentials for Docker: ``docker-credential-NAME get``.

A helper reads the name of the registry on its standard input and prints the credentials on its
standard output. Neither is logged.
"""

from __future__ import annotations

import re
from typing import Any

from imgadm.base.errors import ConfigError, ImgadmError
from imgadm.base.json_input import JSONError, parse_json
from imgadm.base.programs.completed import Completed
from imgadm.base.programs.programs import find_program, run_query
from imgadm.base.text import excerpt
from imgadm.registry.access.credentials import Credentials

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NOT_FOUND = "credentials not found"
_IDENTITY = "<token>"
_MAX_ANSWER = 1 << 20


def ask_helper(name: str, registry: str) -> Credentials | None:
    """Return the credentials that the helper ``name`` has for ``registry``, ``None`` without any.

    Raises :class:`ConfigError` for a helper that is missing or fails, or gives a malformed answer.
    """
    program = f"docker-credential-{name}"
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{excerpt(name)} is no name of a credential helper")
    path = find_program(program)
    if path is None:
        raise ConfigError(
            f'the credential helper "{program}", which has the credentials for {registry}, is not '
            "on this machine; install it, or log in again without it"
        )
    try:
        ended = run_query([path, "get"], stdin=registry, secret=True, limit=_MAX_ANSWER)
    except ImgadmError as error:
        raise ConfigError(f"credential helper failed: {error.message}", cause=error) from error
    if ended.status != 0:
        if _NOT_FOUND in (ended.stdout + ended.stderr).lower():
            return None
        raise _failure(program, registry, f"it ended with status {ended.status}")
    return _credentials(ended, program, registry)


def _credentials(ended: Completed, program: str, registry: str) -> Credentials | None:
    try:
        answer: Any = parse_json(ended.stdout.encode("utf-8", "surrogateescape"))
    except JSONError:
        raise _failure(program, registry, "it does not answer in JSON") from None
    user = answer.get("Username") if isinstance(answer, dict) else None
    secret = answer.get("Secret") if isinstance(answer, dict) else None
    if not isinstance(user, str) or not isinstance(secret, str):
        raise _failure(program, registry, 'its answer has no "Username" and "Secret"')
    if user == _IDENTITY:
        return Credentials(identity_token=secret) if secret else None
    return Credentials(user, secret) or None


def _failure(program: str, registry: str, reason: str) -> ConfigError:
    """Return the error of a helper, without its output, which may have secrets in it."""
    return ConfigError(f'credential helper "{program}" failed for {registry}: {reason}')
