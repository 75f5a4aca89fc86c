"""Suggestions for an operator who mistyped, shown at a terminal below the error line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from imgadm.base.errors import ImgadmError, InvalidUUIDError, UsageError
from imgadm.base.patterns import is_uuid
from imgadm.cli.command import Command
from imgadm.cli.commands import ALIASES, NAMES, find_command
from imgadm.cli.errors import OptionError, UnknownCommandError
from imgadm.cli.options import Option
from imgadm.cli.shared_options import GLOBAL_OPTIONS

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")


def suggestion(error: ImgadmError, command: str | None) -> str | None:
    """Return a line about ``error`` for a run of ``command``, None if there is nothing to say.

    ``command`` is the command as it was typed, None for an error before or without a command.
    """
    match error:
        case UnknownCommandError(name=typed):
            return _did_you_mean(typed, (*NAMES, *ALIASES)) or '"imgadm help" lists the commands.'
        case OptionError(option=typed):
            return _about_option(typed, command)
        case InvalidUUIDError(shown=typed):
            return _about_uuid(typed, command)
        case UsageError(synopsis_helps=True) if command is not None:
            return _usage(find_command(command))
    return None


def _about_uuid(typed: str, command: str | None) -> str:
    if is_uuid(typed.lower()):
        return f'The UUIDs of images are lower case: "{typed.lower()}".'
    if command == "create":
        return (
            '"imgadm create --disk FILE" makes an image of a disk. "vmadm list" shows the UUIDs of '
            "machines."
        )
    if _NAME.fullmatch(typed):
        return f'"imgadm list name=~{typed}" shows the UUIDs of images with that name.'
    return '"imgadm list" and "imgadm avail" show UUIDs.'


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
    # difflib finds a single letter close to every other.
    close = get_close_matches(typed, known, n=1) if len(typed.lstrip("-")) > 1 else []
    return f'Did you mean "{close[0]}"?' if close else None


def _usage(command: Command) -> str:
    return f'Usage: imgadm {command.synopses[0]}. "imgadm help {command.name}" explains it.'
