"""What an operator who mistyped may have meant; shown at a terminal, after the error line."""

from __future__ import annotations

import re
from collections.abc import Iterable

from imgadm.base.errors import (
    ImgadmError,
    InvalidUUIDError,
    OptionError,
    UnknownCommandError,
    UsageError,
)
from imgadm.base.patterns import is_uuid
from imgadm.cli.command import Command
from imgadm.cli.commands import ALIASES, NAMES, find_command
from imgadm.cli.options import Option
from imgadm.cli.shared_options import GLOBAL_OPTIONS

_ABOUT_ARGUMENTS = ("incorrect number of args", "unexpected arg", "invalid filter")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")
_QUOTED = re.compile(r'"([^"]+)"')


def hint(error: ImgadmError, command: str | None) -> str | None:
    """Return a line about ``error`` of the ``command`` as it was typed, None if there is none."""
    quoted = _QUOTED.search(error.message)
    typed = quoted[1] if quoted else ""
    match error:
        case UnknownCommandError():
            return _did_you_mean(typed, (*NAMES, *ALIASES)) or '"imgadm help" lists the commands.'
        case OptionError():
            return _about_option(typed, command)
        case InvalidUUIDError() if command == "create" and not is_uuid(typed.lower()):
            return (
                '"imgadm create --disk FILE" makes an image of a disk; "vmadm list" shows the '
                "UUIDs of machines."
            )
        case InvalidUUIDError() if is_uuid(typed.lower()):
            return f'The UUIDs of images are lower case: "{typed.lower()}".'
        case InvalidUUIDError() if _NAME.fullmatch(typed):
            return f'"imgadm list name=~{typed}" shows the UUIDs of images with that name.'
        case InvalidUUIDError():
            return '"imgadm list" and "imgadm avail" show UUIDs.'
        case UsageError() if command is not None and error.message.startswith(_ABOUT_ARGUMENTS):
            return _usage(find_command(command))
    return None


def _about_option(typed: str, command: str | None) -> str | None:
    if command is None:
        for name in NAMES:
            if typed in _names(find_command(name).options):
                return f'That option comes after a command, as in "imgadm {name} {typed}".'
        return _did_you_mean(typed, _names(GLOBAL_OPTIONS)) or '"imgadm -h" lists the options.'
    if typed in _names(GLOBAL_OPTIONS):
        return f'That option comes before the command: "imgadm {typed} {command}".'
    meant = _did_you_mean(typed, _names(find_command(command).options))
    return meant or f'"imgadm help {command}" lists the options.'


def _names(options: Iterable[Option]) -> list[str]:
    return [name for option in options if not option.hidden for name in option.names]


def _did_you_mean(typed: str, known: Iterable[str]) -> str | None:
    from difflib import get_close_matches

    # A single letter is close to every other.
    close = get_close_matches(typed, known, n=1) if len(typed.lstrip("-")) > 1 else []
    return f'Did you mean "{close[0]}"?' if close else None


def _usage(command: Command) -> str:
    return f'Usage: imgadm {command.synopses[0]}; "imgadm help {command.name}" tells more.'
