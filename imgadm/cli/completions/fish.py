"""Completion in fish."""

from __future__ import annotations

from imgadm.cli.completions.places import (
    ARGUMENTS,
    COMMANDS,
    LOOKUPS,
    Words,
    quoted,
    shown,
    spellings,
    value_of,
)
from imgadm.cli.help import GLOBAL_OPTIONS
from imgadm.cli.options import Kind, Option

_DESCRIBED = '({} 2>/dev/null | string replace -r " +" \\t)'

_CANDIDATES = {
    Words.AVAILABLE: _DESCRIBED.format(LOOKUPS[Words.AVAILABLE]),
    Words.INSTALLED: _DESCRIBED.format(LOOKUPS[Words.INSTALLED]),
    Words.MACHINE: _DESCRIBED.format(LOOKUPS[Words.MACHINE]),
    Words.SOURCE: f"({LOOKUPS[Words.SOURCE]} 2>/dev/null)",
    Words.COMMAND: " ".join(command.name for command in COMMANDS),
    Words.DIRECTORY: "(__fish_complete_directories)",
}


def script() -> str:
    known = " ".join(spelling for command in COMMANDS for spelling in spellings(command.name))
    no_command = quoted(f"not __fish_seen_subcommand_from {known}")
    lines = ["complete -c imgadm -f"]
    for option in GLOBAL_OPTIONS:
        lines.append(f"complete -c imgadm -n {no_command} {_fish_option('', option)}")
    for command in COMMANDS:
        lines.append(
            f"complete -c imgadm -n {no_command} -a {command.name} -d {quoted(command.summary)}"
        )
    for command in COMMANDS:
        seen = quoted(f"__fish_seen_subcommand_from {' '.join(spellings(command.name))}")
        for option in shown(command.options):
            lines.append(f"complete -c imgadm -n {seen} {_fish_option(command.name, option)}")
        arguments = ARGUMENTS.get(command.name)
        if arguments is not None:
            candidates = quoted(_CANDIDATES[arguments])
            lines.append(f"complete -c imgadm -n {seen} -a {candidates}")
    return "\n".join(lines) + "\n"


def _fish_option(command: str, option: Option) -> str:
    names = " ".join(
        f"-l {name[2:]}" if name[1] == "-" else f"-s {name[1]}" for name in option.names
    )
    words = [names]
    if option.kind is not Kind.FLAG:
        value = value_of(command, option)
        words.append("-r" if value is Words.FILE else "-x")
        if value is Words.FILE:
            words.append("-F")
        elif value is not Words.NOTHING:
            words.append(f"-a {quoted(_CANDIDATES[value])}")
    return " ".join([*words, f"-d {quoted(option.help)}"])
