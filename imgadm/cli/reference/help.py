"""Help texts, made from what the commands declare."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from imgadm.cli.command import Command
from imgadm.cli.commands import GROUPS, find_command
from imgadm.cli.options import Option, OptionKind
from imgadm.cli.output.terminal import FULL_WIDTH
from imgadm.cli.shared_options import GLOBAL_OPTIONS

_INDENT = " " * 4
_SUMMARY_COLUMN = 43
_OPTION_COLUMN = range(30, 41)

_PURPOSE = "Manage virtual machine images: find them in image sources, import, list, delete."

ENVIRONMENT = (
    (
        "IMGADM_LOG_LEVEL=<level>",
        "How much is logged on stderr: trace, debug, info, warn (the default), error or fatal.",
    ),
    ("IMGADM_POOL=<pool>", "The pool that is meant where -P is not given."),
    ("IMGADM_ROOT=<directory>", "Where configuration and records of images are kept."),
)
"""Variables that every command heeds, each with what it does."""


def top_level_help(width: int = FULL_WIDTH) -> str:
    """Return the text of ``imgadm help``, for a terminal of so many columns."""
    lines = [
        *wrapped(_PURPOSE, width),
        "",
        "Usage:",
        *_hanging("imgadm [<options>] <command> [<args>...]", width),
        *_hanging("imgadm help <command>", width),
        "",
        "Options:",
        *_option_lines(GLOBAL_OPTIONS, width),
        "",
        "Environment:",
        *_environment_lines(width),
        "",
        "Commands:",
    ]
    for group in GROUPS:
        for name in group:
            lines += _command_lines(find_command(name), width)
        lines.append("")
    lines += wrapped(
        '"imgadm help <command>" tells more about a command, imgadm(8) about everything.', width
    )
    return "\n".join(lines) + "\n"


def command_help(command: Command, width: int = FULL_WIDTH) -> str:
    """Return the text of ``imgadm help COMMAND``, for a terminal of so many columns."""
    lines = [*wrapped(command.description, width), "", "Usage:"]
    for synopsis in command.synopses:
        lines += _hanging(f"imgadm {synopsis}", width)
    if command.options:
        lines += ["", "Options:", *_option_lines(command.options, width)]
    for section in command.sections:
        lines += ["", f"{section.title}:"]
        for line in section.text.splitlines():
            lines += _section_lines(line, width)
    lines += ["", "Examples:" if len(command.examples) > 1 else "Example:"]
    for example in command.examples:
        purpose = wrapped(example.purpose, width - len(_INDENT) - 2)
        lines += [f"{_INDENT}# {line}" for line in purpose]
        lines += [_INDENT + line for line in continued(example.command, width - len(_INDENT))]
    return "\n".join(lines) + "\n"


def _environment_lines(width: int) -> Iterator[str]:
    for variable, text in ENVIRONMENT:
        yield _INDENT + variable
        yield from (2 * _INDENT + line for line in wrapped(text, width - 2 * len(_INDENT)))


def _command_lines(command: Command, width: int) -> list[str]:
    column = _SUMMARY_COLUMN if width >= FULL_WIDTH else 2 * len(_INDENT)
    synopsis = _hanging(command.synopses[0], width)
    summary = wrapped(command.summary, width - column)
    lines = [" " * column + line for line in summary]
    if len(synopsis) == 1 and len(synopsis[0]) < column:
        return [f"{synopsis[0]:<{column}}{summary[0]}", *lines[1:]]
    return [*synopsis, *lines]


def _hanging(text: str, width: int) -> list[str]:
    """Return ``text`` indented, and more so from the second line on."""
    first, *others = wrapped(text, width - 2 * len(_INDENT)) if _too_long(text, width) else [text]
    return [_INDENT + first, *(2 * _INDENT + line for line in others)]


def _too_long(text: str, width: int) -> bool:
    return len(_INDENT) + len(text) > width


def _section_lines(line: str, width: int) -> list[str]:
    """Return a line of a section: as it is where there is room, else a column after the other."""
    if not _too_long(line, width):
        return [f"{_INDENT}{line}".rstrip()]
    label, _, text = line.partition("  ")
    if text:
        return [*_hanging(label, width), *_continued(text, width)]
    return [_INDENT + part for part in wrapped(line, width - len(_INDENT))]


def _continued(text: str, width: int) -> list[str]:
    return [2 * _INDENT + line for line in wrapped(text, width - 2 * len(_INDENT))]


def continued(command: str, width: int) -> list[str]:
    """Return ``command`` in lines that a shell joins again."""
    if len(command) <= width:
        return [command]
    first, *others = wrapped(command, width - len(_INDENT) - len(" \\"))
    lines = [first, *(_INDENT + line for line in others)]
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]


def _option_lines(options: Sequence[Option], width: int) -> Iterator[str]:
    shown = [option for option in options if not option.hidden]
    widest = max((len(option_label(option)) for option in shown), default=0)
    column = min(max(_OPTION_COLUMN.start, len(_INDENT) + widest + 2), _OPTION_COLUMN.stop - 1)
    if width < FULL_WIDTH:
        column = 2 * len(_INDENT)
    for option in shown:
        if not option.names:
            yield ""
            continue
        label = _INDENT + option_label(option)
        text = wrapped(_with_full_stop(option.help), width - column)
        if len(label) + 2 > column:
            yield from _hanging(label.strip(), width)
            label = ""
        yield f"{label:<{column}}{text[0]}".rstrip()
        for line in text[1:]:
            yield " " * column + line


def option_label(option: Option) -> str:
    """The names of an option as a help text shows them, each with its value."""
    names = sorted(option.names, key=len)
    if option.kind is OptionKind.FLAG:
        return ", ".join(names)
    value = option.placeholder
    return ", ".join(f"{name}={value}" if name[1] == "-" else f"{name} {value}" for name in names)


def _with_full_stop(text: str) -> str:
    return text if text.endswith((".", "!", "?", '"', "'")) else f"{text}."


def wrapped(text: str, width: int) -> list[str]:
    """Break ``text`` into lines of at most ``width`` columns, and longer ones for longer words.

    An empty line in ``text`` separates paragraphs.
    """
    lines: list[str] = []
    for index, paragraph in enumerate(text.split("\n\n")):
        if index:
            lines.append("")
        words = " ".join(paragraph.split())
        lines += textwrap.wrap(words, width, break_long_words=False, break_on_hyphens=False)
    return lines
