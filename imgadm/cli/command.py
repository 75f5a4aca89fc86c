"""What a command declares about itself, and what it is given when it runs."""

from __future__ import annotations

import enum
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from imgadm.base.logs import Log
from imgadm.base.redaction import redact_text, redact_words
from imgadm.base.settings import Settings
from imgadm.base.text import printable
from imgadm.cli.options import Option, Options
from imgadm.state.configuration import Configuration


class ConfigurationUse(enum.Enum):
    """What a command does without a usable configuration file.

    ``NONE`` does not look at it, ``OPTIONAL`` names what is wrong and goes on, ``REQUIRED`` fails.
    """

    NONE = enum.auto()
    OPTIONAL = enum.auto()
    REQUIRED = enum.auto()


@dataclass(frozen=True)
class Example:
    """A command line that an operator may type, and what it is good for."""

    command: str
    purpose: str


@dataclass(frozen=True)
class Section:
    """A part of a help text with a title of its own; the text is shown as it is."""

    title: str
    text: str


@dataclass
class Context:
    """The run of one command.

    ``name`` is the command as it was typed. ``configuration`` is the file's content, or the
    defaults for a command that goes on without.
    """

    log: Log
    name: str
    arguments: Sequence[str] = ()
    configuration: Configuration | None = field(default=None, repr=False)
    _warned: set[str] = field(default_factory=set, init=False, repr=False)
    _unchecked: dict[str, None] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def settings(self) -> Settings:
        """What the environment says, which can be that it makes no sense: an ImgadmError."""
        return Settings.from_environment(os.environ, uid=os.getuid(), request=self.log.request_id)

    @property
    def command_line(self) -> str:
        """The whole command, as holders of locks are named: without the secrets in it."""
        return " ".join(("imgadm", self.name, *redact_words(self.arguments)))

    def loaded_configuration(self) -> Configuration:
        """The configuration of a command that declared that it uses it."""
        assert self.configuration is not None
        return self.configuration

    def warn(self, message: str) -> None:
        """Tell the operator on stderr of something that does not stop the command."""
        sys.stdout.flush()
        line = redact_text(f"imgadm {self.name}: warning: {message}")
        print(printable(line, keep="\n\t"), file=sys.stderr)

    def warn_once(self, message: str) -> None:
        """Tell the operator of something that is found again and again, when it is new."""
        if message not in self._warned:
            self._warned.add(message)
            self.warn(message)

    def note_unchecked(self, host: str) -> None:
        """Remember that a server was believed whatever its certificate is."""
        self._unchecked[host] = None

    def warn_of_unchecked(self) -> None:
        """Tell the operator, at the end, which servers were not checked to be what they say."""
        for host in list(self._unchecked):
            self.warn(
                f"the certificate of {host} was not checked: anybody on the way could have been "
                "that server"
            )
        self._unchecked.clear()


@dataclass(frozen=True)
class Command:
    """One command: help texts, manual page and completion are made from this.

    Each synopsis is what follows ``imgadm``. ``run`` returns the exit status and raises an
    ImgadmError for what fails. A command that is not ``parsing_options`` gets its words as they
    are.
    """

    name: str
    summary: str
    synopses: tuple[str, ...]
    description: str
    options: tuple[Option, ...]
    run: Callable[[Context, Options, list[str]], int]
    examples: tuple[Example, ...]
    sections: tuple[Section, ...] = ()
    configuration: ConfigurationUse = ConfigurationUse.NONE
    parsing_options: bool = True
