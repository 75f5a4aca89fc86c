"""The completion script for fish."""

from __future__ import annotations

from imgadm.cli.options import Option, OptionKind
from imgadm.cli.reference.completions.places import (
    ARGUMENTS,
    COMMANDS,
    LOOKUPS,
    TYPE_WORDS,
    ZPOOLS,
    Words,
    brief,
    offered_options,
    quoted,
    spellings,
    value_of,
)
from imgadm.cli.shared_options import GLOBAL_OPTIONS

_FISH = """\
# Tells whether the command is one of the arguments. Without any, whether there is no command yet.
function __imgadm_is
    set -l words (commandline -opc)
    set -e words[1]
    for word in $words
        if not string match -q -- '-*' $word
            contains -- $word $argv
            return
        end
    end
    test (count $argv) -eq 0
end

# Prints the words that a command prints, one a line, with a description after a tab.
function __imgadm_lookup
    command -q imgadm
    and $argv 2>/dev/null | string replace -r ' +' \\t | string replace -ra ' +' ' '
end

function __imgadm_available
    __imgadm_lookup @AVAILABLE@
end

function __imgadm_installed
    set -l words (commandline -opc)
    set -l at (contains -i -- -P $words)
    and set -l pool -P $words[(math $at + 1)]
    __imgadm_lookup @INSTALLED@ $pool
end

function __imgadm_pools
    command -q zpool
    and @ZPOOLS@ 2>/dev/null | string replace -r '$' \\tzpool
    __fish_complete_directories (commandline -ct)
end

function __imgadm_machines
    command -q vmadm
    and __imgadm_lookup @MACHINE@
end

function __imgadm_sources
    __imgadm_lookup @SOURCE@
end

complete -c imgadm -f
"""

_CANDIDATES = {
    Words.AVAILABLE: "(__imgadm_available)",
    Words.INSTALLED: "(__imgadm_installed)",
    Words.MACHINE: "(__imgadm_machines)",
    Words.POOL: "(__imgadm_pools)",
    Words.SOURCE: "(__imgadm_sources)",
    Words.TYPE: TYPE_WORDS,
    Words.COMMAND: " ".join(command.name for command in COMMANDS),
    Words.DIRECTORY: "(__fish_complete_directories (commandline -ct))",
}


def script() -> str:
    """Return the script."""
    no_command = "__imgadm_is"
    lines = [_functions()]
    for option in GLOBAL_OPTIONS:
        lines.append(f"complete -c imgadm -n {no_command} {_fish_option('', option)}")
    for command in COMMANDS:
        lines.append(
            f"complete -c imgadm -n {no_command} -a {command.name} -d {quoted(command.summary)}"
        )
    for command in COMMANDS:
        seen = quoted(f"__imgadm_is {' '.join(spellings(command.name))}")
        for option in offered_options(command.options):
            lines.append(f"complete -c imgadm -n {seen} {_fish_option(command.name, option)}")
        arguments = ARGUMENTS.get(command.name)
        if arguments is not None:
            candidates = quoted(_CANDIDATES[arguments])
            lines.append(f"complete -c imgadm -n {seen} -a {candidates}")
    return "\n".join(lines) + "\n"


def _functions() -> str:
    script = _FISH.rstrip().replace("@ZPOOLS@", ZPOOLS)
    for words, lookup in LOOKUPS.items():
        script = script.replace(f"@{words.name}@", lookup)
    return script


def _fish_option(command: str, option: Option) -> str:
    names = " ".join(
        f"-l {name[2:]}" if name[1] == "-" else f"-s {name[1]}" for name in option.names
    )
    words = [names]
    if option.kind is not OptionKind.FLAG:
        value = value_of(command, option)
        words.append("-r" if value is Words.FILE else "-x")
        if value is Words.FILE:
            words.append("-F")
        elif value is not Words.NOTHING:
            words.append(f"-a {quoted(_CANDIDATES[value])}")
    return " ".join([*words, f"-d {quoted(brief(option))}"])
