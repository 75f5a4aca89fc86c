"""The grammar of options, the same before and after the command.

Short options may be bundled (``-jH``). The first one in a bundle that takes a value ends the
bundle: its value is the rest of the bundle or, if nothing is left, the next word, even one with a
dash.
Long options take ``--type=VALUE`` or the next word, and cannot be abbreviated. ``--`` ends the
options.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from imgadm.cli.errors import OptionError


class OptionKind(enum.Enum):
    """The value of an option: none, a text, a text each time it is given, or a number above 0."""

    FLAG = enum.auto()
    TEXT = enum.auto()
    TEXTS = enum.auto()
    POSITIVE_INTEGER = enum.auto()


class Option(NamedTuple):
    """One option as a command declares it.

    Callers of :class:`Options` use any of the ``names``. ``placeholder`` stands for the value in
    help texts. A ``hidden`` option is not in help texts, the manual page and completions.
    """

    names: tuple[str, ...]
    help: str = ""
    kind: OptionKind = OptionKind.FLAG
    placeholder: str = "ARG"
    hidden: bool = False

    def with_value(self, name: str) -> str:
        """Return ``name``, one of the names, with the placeholder of the value if it takes one."""
        if self.kind is OptionKind.FLAG:
            return name
        return f"{name}={self.placeholder}" if name[1] == "-" else f"{name} {self.placeholder}"


SEPARATOR = Option(names=())
"""A blank line in the list of options of a help text."""


class Options:
    """The values of the options on a command line, by any name of an option."""

    def __init__(self, declared: Sequence[Option]) -> None:
        self._main_name = {name: option.names[0] for option in declared for name in option.names}
        self._long_name = {
            option.names[0]: max(option.names, key=len) for option in declared if option.names
        }
        self._values: dict[str, Any] = {}

    def flag(self, name: str) -> bool:
        """Tell whether the flag was given."""
        return bool(self._values.get(self._main_name[name], False))

    def text(self, name: str) -> str | None:
        """Return the last value that was given, None if there is none."""
        value: str | None = self._values.get(self._main_name[name])
        return value

    def texts(self, name: str) -> list[str]:
        """Return all values that were given, in order."""
        return list(self._values.get(self._main_name[name], ()))

    def number(self, name: str) -> int | None:
        """Return the last number that was given, None if there is none."""
        value: int | None = self._values.get(self._main_name[name])
        return value

    def given(self) -> Mapping[str, Any]:
        """Return all given values by long names without dashes, for log records."""
        return {self._long_name[name].lstrip("-"): value for name, value in self._values.items()}

    def store(self, option: Option, name: str, text: str | None) -> None:
        """Store an option that was given as ``name``; ``text`` is its value, None for a flag.

        Raises OptionError if the value must be a number and is not.
        """
        main = option.names[0]
        if option.kind is OptionKind.FLAG:
            self._values[main] = True
        elif option.kind is OptionKind.TEXT:
            self._values[main] = text
        elif option.kind is OptionKind.TEXTS:
            self._values.setdefault(main, []).append(text)
        else:
            self._values[main] = _positive_integer(name, text or "")


def parse_options(
    declared: Sequence[Option], words: Sequence[str], *, interspersed: bool = True
) -> tuple[Options, list[str]]:
    """Split ``words`` into the values of options and the other arguments.

    Without ``interspersed``, the options end at the first argument. Raises OptionError.
    """
    by_name = {name: option for option in declared for name in option.names}
    options = Options(declared)
    arguments: list[str] = []
    rest = list(reversed(words))
    while rest:
        word = rest.pop()
        if word == "--":
            break
        if word == "-" or not word.startswith("-"):
            arguments.append(word)
            if not interspersed:
                break
        elif word.startswith("--"):
            _take_long(by_name, options, word, rest)
        else:
            _take_bundle(by_name, options, word, rest)
    return options, arguments + rest[::-1]


def _take_long(by_name: Mapping[str, Option], options: Options, word: str, rest: list[str]) -> None:
    name, equals, value = word.partition("=")
    option = by_name.get(name)
    if option is None:
        raise OptionError(f'unknown option: "{name}"', option=name)
    if option.kind is OptionKind.FLAG:
        if equals:
            raise OptionError(
                f'argument given to "{name}" option that does not take one: "{word}"', option=name
            )
        options.store(option, name, None)
    else:
        options.store(option, name, value if equals else _next_word(option, name, rest))


def _take_bundle(
    by_name: Mapping[str, Option], options: Options, word: str, rest: list[str]
) -> None:
    bundle: list[tuple[Option, str, str | None]] = []
    for index, letter in enumerate(word[1:], start=2):
        name = f"-{letter}"
        option = by_name.get(name)
        if option is None:
            group = "" if len(word) == 2 else f' in "{word}" group'
            raise OptionError(f'unknown option: "{name}"{group}', option=name)
        if option.kind is not OptionKind.FLAG:
            bundle.append((option, name, word[index:] or _next_word(option, name, rest)))
            break
        bundle.append((option, name, None))
    for option, name, value in bundle:
        options.store(option, name, value)


def _next_word(option: Option, name: str, rest: list[str]) -> str:
    if not rest:
        raise OptionError(
            f'do not have enough args for "{name}" option',
            option=name,
            hint=f'The option takes a value: "{option.with_value(name)}".',
        )
    return rest.pop()


def _positive_integer(name: str, text: str) -> int:
    if text.isascii() and text.isdecimal() and int(text) > 0:
        return int(text)
    raise OptionError(
        f'arg for "{name}" is not a positive integer: "{text}"',
        option=name,
        hint="The value must be a number such as 1, 2 or 3.",
    )
