"""What may stand where on a command line, as far as it can be completed."""

from __future__ import annotations

from enum import StrEnum

from imgadm.cli.commands import ALIASES, GROUPS, find_command
from imgadm.cli.options import Option
from imgadm.state.source_rules import SOURCE_TYPES

COMMANDS = tuple(find_command(name) for group in GROUPS for name in group)


class Words(StrEnum):
    """What may stand in one place of a command line."""

    AVAILABLE = "available"
    COMMAND = "commands"
    DIRECTORY = "directories"
    FILE = "files"
    INSTALLED = "installed"
    MACHINE = "machines"
    NOTHING = "nothing"
    POOL = "pools"
    SOURCE = "sources"
    TYPE = "types"


ARGUMENTS = {
    "help": Words.COMMAND,
    "show": Words.AVAILABLE,
    "import": Words.AVAILABLE,
    "get": Words.INSTALLED,
    "update": Words.INSTALLED,
    "delete": Words.INSTALLED,
    "ancestry": Words.INSTALLED,
    "create": Words.MACHINE,
    "serve": Words.DIRECTORY,
}
"""The arguments of those commands whose arguments can be completed."""

SINGLE = frozenset({"help", "show", "import", "get", "delete"})
"""Commands that take one argument, after which there is nothing to offer."""

VALUES = {
    ("create", "-m"): Words.FILE,
    ("create", "-o"): Words.FILE,
    ("create", "-s"): Words.FILE,
    ("create", "--disk"): Words.FILE,
    ("create", "--token-file"): Words.FILE,
    ("import", "-S"): Words.SOURCE,
    ("install", "-m"): Words.FILE,
    ("install", "-f"): Words.FILE,
    ("install", "--disk"): Words.FILE,
    ("publish", "-m"): Words.FILE,
    ("publish", "-f"): Words.FILE,
    ("publish", "--token-file"): Words.FILE,
    ("serve", "--token-file"): Words.FILE,
    ("sources", "-d"): Words.SOURCE,
    ("vacuum", "-x"): Words.INSTALLED,
    ("sources", "-t"): Words.TYPE,
}
"""The values of options of one command; ``-P`` is a pool everywhere."""

LOOKUPS = {
    Words.AVAILABLE: "env IMGADM_PATIENCE=2 imgadm avail -H -o uuid,name,version",
    Words.INSTALLED: "env IMGADM_PATIENCE=2 imgadm list -H -o uuid,name,version",
    Words.MACHINE: "vmadm list -H -o uuid,alias",
    Words.SOURCE: "env IMGADM_PATIENCE=2 imgadm sources",
}
"""Commands that print candidates, one a line, what comes after blanks being a description.

A source or a program of the host that does not answer is given up soon: who presses Tab waits.
"""

ZPOOLS = "zpool list -Ho name"
"""Prints the names of zpools. A directory is a pool too."""

TYPE_WORDS = " ".join(SOURCE_TYPES)


def value_of(command: str, option: Option) -> Words:
    """What the value of an option of ``command`` may be."""
    if option.names[0] == "-P":
        return Words.POOL
    return VALUES.get((command, option.names[0]), Words.NOTHING)


def brief(option: Option) -> str:
    """What an option is for, in one sentence."""
    return option.help.partition(". ")[0].rstrip(".")


def offered_options(options: tuple[Option, ...]) -> list[Option]:
    """The options that are offered."""
    return [option for option in options if option.names and not option.hidden]


def spellings(command: str) -> list[str]:
    """All names of a command but ``?``, which no shell takes as it is."""
    return [
        command,
        *(alias for alias, name in ALIASES.items() if name == command and alias != "?"),
    ]


def pattern(command: str) -> str:
    """A pattern of ``case`` that matches all names of a command."""
    return "|".join(spellings(command))


def quoted(text: str) -> str:
    """Quote for any of the shells, which differ in how an apostrophe can stand inside quotes."""
    return "'" + text.replace("'", "\u2019") + "'"
