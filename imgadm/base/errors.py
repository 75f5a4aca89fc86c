"""Errors that a command ends with, each with the code and exit status that scripts depend on.

An operator sees the line ``imgadm COMMAND: error (CODE): MESSAGE``. A message says what was got,
what was wanted and, where the fixed texts leave room for it, what to do. Facts that callers need
are fields of the error: no code takes a message apart. Errors of one room are in that room's
``errors`` module; here are those of several.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence


class ImgadmError(Exception):
    """Base of every error that a command ends with.

    ``code`` goes into the error line and into ``-E`` records; with ``None`` the error line has no
    parentheses. ``cause`` is the error underneath, which verbose runs show after the message.
    ``hint`` is a sentence that tells an operator at a terminal what to type instead. An error that
    is ``already_shown`` prints no line, because the command has printed the reason before; only
    ``-E`` adds to that.
    """

    code: str | None = None
    exit_status: int = 1
    already_shown: bool = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        cause: BaseException | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        self.cause = cause
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class InternalError(ImgadmError):
    """An external program failed, or the host did something that it should not."""

    code = "InternalError"


class UsageError(ImgadmError):
    """The arguments of a command make no sense; exit status 2, as the manual promises.

    ``synopsis_helps`` says that the synopsis of the command shows what is wrong.
    """

    code = "Usage"
    exit_status = 2

    def __init__(
        self,
        message: str,
        *,
        cause: BaseException | None = None,
        hint: str | None = None,
        synopsis_helps: bool = False,
    ) -> None:
        super().__init__(message, cause=cause, hint=hint)
        self.synopsis_helps = synopsis_helps


class ConfigError(ImgadmError):
    """The configuration file, or a source in it, is not what it should be."""

    code = "ConfigError"


class InvalidURLError(ConfigError):
    """A URL of a source or proxy cannot be used, for ``reason``; ``shown`` has no secrets."""

    def __init__(self, shown: str, reason: str) -> None:
        super().__init__(f'invalid image source URL "{shown}": {reason}')
        self.shown = shown
        self.reason = reason


class UpgradeError(ImgadmError):
    """The state on this host has a version that imgadm cannot upgrade."""

    code = "UpgradeError"


class InvalidUUIDError(ImgadmError):
    """A text is not 32 lower-case hexadecimal digits in five groups; ``shown`` is printable."""

    code = "InvalidUUID"

    def __init__(self, shown: str) -> None:
        super().__init__(f'invalid uuid: "{shown}"')
        self.shown = shown


class FileSystemError(ImgadmError):
    """A file could not be read or written."""

    code = "FileSystem"

    @classmethod
    def from_os_error(cls, action: str, error: OSError) -> FileSystemError:
        """Return the error that ``action`` failed, with the name of the errno as its code."""
        number = error.errno
        code = errno.errorcode.get(number, cls.code) if number is not None else cls.code
        return cls(f"{action}: {error.strerror or error}", code=code, cause=error)


class LockedError(ImgadmError):
    """``holder`` has locked ``what``, and this process does not wait for the lock."""

    code = "Locked"

    def __init__(self, what: str, holder: str, *, cause: BaseException | None = None) -> None:
        super().__init__(f"{what} is locked by {holder}: try again when that is done", cause=cause)
        self.what = what
        self.holder = holder


class NotSupportedError(ImgadmError):
    """An operation makes sense, but imgadm does not support it."""

    code = "NotSupported"


class MultiError(ImgadmError):
    """Several independent ``errors``."""

    code = "MultiError"

    def __init__(self, errors: Sequence[ImgadmError]) -> None:
        lines = [f"multiple ({len(errors)}) errors"]
        lines += [f"    error ({error.code}): {error.message}" for error in errors]
        super().__init__("\n".join(lines))
        self.errors = list(errors)
