"""The declarations of the commands, one module per command with the name of the command."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from imgadm.cli.errors import UnknownCommandError

if TYPE_CHECKING:
    from imgadm.cli.command import Command

GROUPS: tuple[tuple[str, ...], ...] = (
    ("help",),
    ("sources",),
    ("avail", "show"),
    ("import", "install"),
    ("list", "get", "update", "delete", "ancestry", "vacuum"),
    ("create", "publish", "serve"),
)
"""All commands in the order of the help, with related ones in one group."""

ALIASES = {"?": "help", "available": "avail", "info": "get", "destroy": "delete"}
"""Other names of commands, and the commands that they stand for."""

NAMES = tuple(name for group in GROUPS for name in group)
"""The names of all commands, in the order of the help."""


def find_command(typed: str) -> Command:
    """Return the declaration of the command ``typed``, a name or an alias.

    Raises UnknownCommandError.
    """
    name = ALIASES.get(typed, typed)
    if name not in NAMES:
        raise UnknownCommandError(typed)
    module = import_module(f"{__name__}.{module_name(name)}")
    command: Command = module.COMMAND
    return command


def module_name(command: str) -> str:
    """Return the name of the module of ``command``, here and in :mod:`imgadm.cli.run`."""
    # A module cannot have the name of a keyword: PEP 8 appends an underscore.
    return "import_" if command == "import" else command
