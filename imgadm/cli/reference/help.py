"""Help texts, made from the declarations of the commands."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby

from imgadm.cli.command import Command
from imgadm.cli.commands import GROUPS, find_command
from imgadm.cli.options import Option
from imgadm.cli.output.terminal import FULL_WIDTH
from imgadm.cli.shared_options import GLOBAL_OPTIONS

_INDENT = " " * 4
_SUMMARY_COLUMN = 43
_OPTION_COLUMN = range(30, 41)

_PURPOSE = (
    "Manage virtual machine images: find, import, list, update, delete, create and publish them."
)

ENVIRONMENT = (
    (
        "IMGADM_LOG_LEVEL=<level>",
        "The least severe log records to write to stderr: trace, debug, info, warn (the default), "
        "error or fatal.",
    ),
    ("IMGADM_POOL=<pool>", "The pool to use without -P."),
    ("IMGADM_ROOT=<directory>", "The directory of the configuration and of the records of images."),
)
"""The environment variables of every command, each with its effect."""


def top_level_help(width: int = FULL_WIDTH) -> str:
    """Return the text of ``imgadm help`` for a terminal of ``width`` columns."""
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
        '"imgadm help <command>" explains a command. The manual page, imgadm(8), explains all.',
        width,
    )
    return "\n".join(lines) + "\n"


def command_help(command: Command, width: int = FULL_WIDTH) -> str:
    """Return the text of ``imgadm help COMMAND`` for a terminal of ``width`` columns."""
    lines = [*wrapped(command.description, width), "", "Usage:"]
    for synopsis in command.synopses:
        lines += _hanging(f"imgadm {synopsis}", width)
    if command.options:
        lines += ["", "Options:", *_option_lines(command.options, width)]
    for section in command.sections:
        lines += ["", f"{section.title}:"]
        for kind, part in section_parts(section.text):
            lines += _section_lines(kind, part, width)
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
    """Return ``text`` indented, and twice as far from the second line on."""
    first, *others = wrapped(text, width - 2 * len(_INDENT)) if _too_long(text, width) else [text]
    return [_INDENT + first, *(2 * _INDENT + line for line in others)]


def _too_long(text: str, width: int) -> bool:
    return len(_INDENT) + len(text) > width


def section_parts(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the parts of a section, each with its kind and its lines.

    The kinds are ``text`` for a paragraph, ``columns`` for lines of two columns with at least two
    blanks between them, ``indented`` for indented lines, and ``blank``.
    """
    for kind, lines in groupby(text.splitlines(), _kind_of_line):
        yield kind, list(lines)


def _kind_of_line(line: str) -> str:
    if line.startswith(" "):
        return "indented"
    return "columns" if "  " in line else "text" if line else "blank"


def _section_lines(kind: str, lines: list[str], width: int) -> list[str]:
    """Return a part of a section: a paragraph is wrapped, other lines stay if they fit."""
    if kind == "text":
        return [_INDENT + line for line in wrapped(" ".join(lines), width - len(_INDENT))]
    fitted = []
    for line in lines:
        label, _, text = line.partition("  ")
        if not _too_long(line, width):
            fitted.append(f"{_INDENT}{line}".rstrip())
        elif label:
            fitted += [*_hanging(label, width), *_continued(text, width)]
        else:
            fitted += [_INDENT + part for part in wrapped(line, width - len(_INDENT))]
    return fitted


def _continued(text: str, width: int) -> list[str]:
    return [2 * _INDENT + line for line in wrapped(text, width - 2 * len(_INDENT))]


def continued(command: str, width: int) -> list[str]:
    """Return ``command`` in lines with backslashes at their ends, which a shell joins."""
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
    """Return the names of ``option`` as help texts show them, each with its value."""
    return ", ".join(option.with_value(name) for name in sorted(option.names, key=len))


def _with_full_stop(text: str) -> str:
    return text if text.endswith((".", "!", "?", '"', "'")) else f"{text}."


def wrapped(text: str, width: int) -> list[str]:
    """Break ``text`` into lines of at most ``width`` columns; a longer word gets a longer line.

    An empty line in ``text`` separates paragraphs.
    """
    lines: list[str] = []
    for index, paragraph in enumerate(text.split("\n\n")):
        if index:
            lines.append("")
        words = " ".join(paragraph.split())
        lines += textwrap.wrap(words, width, break_long_words=False, break_on_hyphens=False)
    return lines
