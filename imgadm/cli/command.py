"""The declarations of commands, from which help, manual page and completions are made."""

from __future__ import annotations

import enum
from typing import NamedTuple

from imgadm.cli.options import Option


class ConfigurationUse(enum.Enum):
    """The use that a command makes of the configuration file, also if that is invalid.

    ``NONE`` never reads the file. ``OPTIONAL`` warns and goes on with the defaults. ``REQUIRED``
    fails.
    """

    NONE = enum.auto()
    OPTIONAL = enum.auto()
    REQUIRED = enum.auto()


# Every run loads these classes. Python makes a named tuple faster than a frozen dataclass.
class Example(NamedTuple):
    """A command line that an operator may type, and what it is good for."""

    command: str
    purpose: str


class Section(NamedTuple):
    """A part of a help text with a title of its own.

    Paragraphs of ``text`` are wrapped. Indented lines, and lines of two columns with at least two
    blanks between them, keep their layout.
    """

    title: str
    text: str


class Command(NamedTuple):
    """The declaration of one command.

    Each synopsis is the text that follows ``imgadm``. A command that is not ``parsing_options``
    gets all its words as arguments. The module of the same name in :mod:`imgadm.cli.run` does the
    work.
    """

    name: str
    summary: str
    synopses: tuple[str, ...]
    description: str
    options: tuple[Option, ...]
    examples: tuple[Example, ...]
    sections: tuple[Section, ...] = ()
    configuration: ConfigurationUse = ConfigurationUse.NONE
    parsing_options: bool = True
