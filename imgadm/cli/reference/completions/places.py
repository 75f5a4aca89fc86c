"""The places of a command line that can be completed, and the words for each."""

from __future__ import annotations

from enum import StrEnum

from imgadm.cli.commands import ALIASES, GROUPS, find_command
from imgadm.cli.options import Option
from imgadm.state.source_rules import SOURCE_TYPES

COMMANDS = tuple(find_command(name) for group in GROUPS for name in group)
"""The declarations of all commands."""


class Words(StrEnum):
    """The kinds of words that a place of a command line takes."""

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
"""The kind of the arguments of each command whose arguments can be completed."""

SINGLE = frozenset({"help", "show", "import", "get", "delete"})
"""The commands that take only one argument."""

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
"""The kind of the value of each option of a command. ``-P`` is a pool in all commands."""

LOOKUPS = {
    Words.AVAILABLE: "env IMGADM_PATIENCE=2 imgadm avail -H -o uuid,name,version",
    Words.INSTALLED: "env IMGADM_PATIENCE=2 imgadm list -H -o uuid,name,version",
    Words.MACHINE: "vmadm list -H -o uuid,alias",
    Words.SOURCE: "env IMGADM_PATIENCE=2 imgadm sources",
}
"""Programs that print candidates, one a line. Text after blanks is a description.

They wait for a slow source, or a slow program of the host, for two seconds, since the operator who
pressed Tab is waiting.
"""

ZPOOLS = "zpool list -Ho name"
"""The program that prints the names of zpools."""

TYPE_WORDS = " ".join(SOURCE_TYPES)
"""The types of sources."""


def value_of(command: str, option: Option) -> Words:
    """Return the kind of the value of an ``option`` of ``command``."""
    if option.names[0] == "-P":
        return Words.POOL
    return VALUES.get((command, option.names[0]), Words.NOTHING)


def brief(option: Option) -> str:
    """Return the first sentence of the help of ``option``."""
    return option.help.partition(". ")[0].rstrip(".")


def offered_options(options: tuple[Option, ...]) -> list[Option]:
    """Return the options that completions offer."""
    return [option for option in options if option.names and not option.hidden]


def spellings(command: str) -> list[str]:
    """Return all names of a command except ``?``, which shells interpret."""
    return [
        command,
        *(alias for alias, name in ALIASES.items() if name == command and alias != "?"),
    ]


def pattern(command: str) -> str:
    """Return a pattern for ``case`` that matches all names of a command."""
    return "|".join(spellings(command))


def quoted(text: str) -> str:
    """Return ``text`` in quotes that all three shells understand.

    The shells differ in how they escape an apostrophe, so a typographic one takes its place.
    """
    return "'" + text.replace("'", "\u2019") + "'"
