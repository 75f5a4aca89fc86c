"""Errors of the command line itself."""

from __future__ import annotations

from imgadm.base.errors import ImgadmError, UsageError


class OptionError(UsageError):
    """An option is unknown, or has no valid value. ``option`` is its name as it was typed."""

    code = "Option"

    def __init__(self, message: str, *, option: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.option = option


class UnknownCommandError(UsageError):
    """``name`` is not the name of a command."""

    code = "UnknownCommand"

    def __init__(self, name: str) -> None:
        super().__init__(f'unknown command: "{name}"')
        self.name = name


class NoCommandError(ImgadmError):
    """The command line has no command; imgadm has printed the help instead."""

    code = "NoCommand"
    already_shown = True

    def __init__(self) -> None:
        super().__init__("no command given")


class DeclinedError(ImgadmError):
    """The operator was asked whether to go on, and did not say yes."""

    code = "Declined"
    already_shown = True

    def __init__(self) -> None:
        super().__init__("not confirmed")
