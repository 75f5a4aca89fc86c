"""Help texts, made from what the commands declare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from imgadm.cli.command import Command
from imgadm.cli.commands import GROUPS, find_command
from imgadm.cli.options import Kind, Option

_WIDTH = 80
_INDENT = " " * 4
_SUMMARY_COLUMN = 43
_OPTION_COLUMN = range(30, 41)

GLOBAL_OPTIONS = (
    Option(("-h", "--help"), "Show this help."),
    Option(("--version",), "Print the version of imgadm."),
    Option(("-v", "--verbose"), "Log everything that happens, and show where errors come from."),
    Option(("-E",), "On failure, make the last line of stderr the error as a JSON object."),
)

ENVIRONMENT = (
    (
        "IMGADM_LOG_LEVEL=<level>",
        "How much is logged on stderr: trace, debug, info, warn (the default), error or fatal.",
    ),
    ("IMGADM_POOL=<pool>", "The pool that is meant where -P is not given."),
    ("IMGADM_ROOT=<directory>", "Where configuration and records of images are kept."),
)
"""Variables that every command heeds, each with what it does."""


def top_level_help() -> str:
    """Return the text of ``imgadm help``."""
    lines = [
        "Manage virtual machine images: find them in image sources, import, list, delete.",
        "",
        "Usage:",
        f"{_INDENT}imgadm [<options>] <command> [<args>...]",
        f"{_INDENT}imgadm help <command>",
        "",
        "Options:",
        *_option_lines(GLOBAL_OPTIONS),
        "",
        "Environment:",
        *_environment_lines(),
        "",
        "Commands:",
    ]
    for group in GROUPS:
        for name in group:
            lines += _command_lines(find_command(name))
        lines.append("")
    lines += ['"imgadm help <command>" tells more about a command, imgadm(8) about everything.']
    return "\n".join(lines) + "\n"


def command_help(command: Command) -> str:
    """Return the text of ``imgadm help COMMAND``."""
    lines = [*wrapped(command.description, _WIDTH), "", "Usage:"]
    lines += [f"{_INDENT}imgadm {synopsis}" for synopsis in command.synopses]
    if command.options:
        lines += ["", "Options:", *_option_lines(command.options)]
    for section in command.sections:
        lines += ["", f"{section.title}:"]
        lines += [f"{_INDENT}{line}".rstrip() for line in section.text.splitlines()]
    lines += ["", "Examples:" if len(command.examples) > 1 else "Example:"]
    for example in command.examples:
        lines += [f"{_INDENT}# {example.purpose}", *_example_lines(example.command)]
    return "\n".join(lines) + "\n"


def _environment_lines() -> Iterator[str]:
    for variable, text in ENVIRONMENT:
        yield _INDENT + variable
        yield from (2 * _INDENT + line for line in wrapped(text, _WIDTH - 2 * len(_INDENT)))


def _command_lines(command: Command) -> list[str]:
    synopsis = _INDENT + command.synopses[0]
    summary = wrapped(command.summary, _WIDTH - _SUMMARY_COLUMN)
    lines = [" " * _SUMMARY_COLUMN + line for line in summary]
    if len(synopsis) < _SUMMARY_COLUMN:
        return [f"{synopsis:<{_SUMMARY_COLUMN}}{summary[0]}", *lines[1:]]
    return [synopsis, *lines]


def _example_lines(command: str) -> list[str]:
    """Return ``command`` in lines that a shell joins again."""
    first, *others = wrapped(command, _WIDTH - len(_INDENT * 2) - len(" \\"))
    lines = [_INDENT + first, *(_INDENT * 2 + line for line in others)]
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]


def _option_lines(options: Sequence[Option]) -> Iterator[str]:
    shown = [option for option in options if not option.hidden]
    widest = max((len(option_label(option)) for option in shown), default=0)
    column = min(max(_OPTION_COLUMN.start, len(_INDENT) + widest + 2), _OPTION_COLUMN.stop - 1)
    for option in shown:
        if not option.names:
            yield ""
            continue
        label = _INDENT + option_label(option)
        text = wrapped(_with_full_stop(option.help), _WIDTH - column)
        if len(label) + 2 > column:
            yield label
            label = ""
        yield f"{label:<{column}}{text[0]}".rstrip()
        for line in text[1:]:
            yield " " * column + line


def option_label(option: Option) -> str:
    """The names of an option as a help text shows them, each with its value."""
    names = sorted(option.names, key=len)
    if option.kind is Kind.FLAG:
        return ", ".join(names)
    value = option.placeholder
    return ", ".join(f"{name}={value}" if name[1] == "-" else f"{name} {value}" for name in names)


def _with_full_stop(text: str) -> str:
    return text if text.endswith((".", "!", "?", '"', "'")) else f"{text}."


def wrapped(text: str, width: int) -> list[str]:
    """Break ``text`` into lines at blanks; an empty line in it separates paragraphs."""
    lines: list[str] = []
    for index, paragraph in enumerate(text.split("\n\n")):
        if index:
            lines.append("")
        line = ""
        for word in paragraph.split():
            if line and len(line) + 1 + len(word) > width:
                lines.append(line)
                line = word
            else:
                line = f"{line} {word}".lstrip()
        lines.append(line)
    return lines
