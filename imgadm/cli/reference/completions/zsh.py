"""The completion script for zsh."""

from __future__ import annotations

from collections.abc import Iterator

from imgadm.cli.options import Option, OptionKind
from imgadm.cli.reference.completions.places import (
    ARGUMENTS,
    COMMANDS,
    LOOKUPS,
    SINGLE,
    TYPE_WORDS,
    ZPOOLS,
    Words,
    brief,
    offered_options,
    pattern,
    quoted,
    value_of,
)
from imgadm.cli.shared_options import GLOBAL_OPTIONS

_ZSH = """\
_imgadm_lookup() {
    [[ $PREFIX == -* ]] && return 1
    local -a found
    found=("${(@f)$("$@" 2>/dev/null)}")
    found=(${${${found:#}//:/\\\\:}/ ##/:})
    (($#found)) && _describe image found
}

_imgadm_commands() {
    local -a found=(
@COMMANDS@
    )
    _describe command found
}

_imgadm_pools() {
    local -a pools
    (($+commands[zpool])) && pools=(${(f)"$(@ZPOOLS@ 2>/dev/null)"})
    (($#pools)) && compadd -J pools -X zpool -a pools
    _files -/
}

_imgadm_available() { _imgadm_lookup @AVAILABLE@ }
_imgadm_installed() { _imgadm_lookup @INSTALLED@ ${opt_args[-P]:+-P} ${(Q)opt_args[-P]} }
_imgadm_machines() { _imgadm_lookup @MACHINE@ }
_imgadm_sources() { _imgadm_lookup @SOURCE@ }
_imgadm_types() { local -a types=(@TYPES@); _describe type types }

_imgadm() {
    local curcontext=$curcontext state line
    local -A opt_args
    _arguments -C -S \\
@GLOBAL@
        '1: :_imgadm_commands' '*:: :->arguments'
    [[ $state == arguments ]] || return
    case $line[1] in
@CASES@
    esac
}

_imgadm "$@"
"""

_ZSH_ACTIONS = {
    Words.AVAILABLE: "_imgadm_available",
    Words.COMMAND: "_imgadm_commands",
    Words.DIRECTORY: "_files -/",
    Words.FILE: "_files",
    Words.INSTALLED: "_imgadm_installed",
    Words.MACHINE: "_imgadm_machines",
    Words.NOTHING: " ",
    Words.POOL: "_imgadm_pools",
    Words.SOURCE: "_imgadm_sources",
    Words.TYPE: "_imgadm_types",
}


def script() -> str:
    """Return the script."""
    cases = []
    for command in COMMANDS:
        specs = list(_zsh_options(command.name, command.options))
        arguments = ARGUMENTS.get(command.name)
        if arguments is not None:
            how_many = "1" if command.name in SINGLE else "*"
            specs.append(f"'{how_many}: :{_ZSH_ACTIONS[arguments]}'")
        block = "".join(f" \\\n            {spec}" for spec in specs)
        cases.append(f"    {pattern(command.name)})\n        _arguments -s -S{block}\n        ;;")
    described = "\n".join(f"        {quoted(f'{c.name}:{c.summary}')}" for c in COMMANDS)
    script = (
        _ZSH.replace("@COMMANDS@", described)
        .replace("@TYPES@", TYPE_WORDS)
        .replace("@ZPOOLS@", ZPOOLS)
        .replace(
            "@GLOBAL@", "\n".join(f"        {spec} \\" for spec in _zsh_options("", GLOBAL_OPTIONS))
        )
        .replace("@CASES@", "\n".join(cases))
    )
    for words, lookup in LOOKUPS.items():
        script = script.replace(f"@{words.name}@", lookup)
    return script


def _zsh_options(command: str, options: tuple[Option, ...]) -> Iterator[str]:
    for option in offered_options(options):
        text = brief(option).replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")
        value, repeat = "", ""
        if option.kind is not OptionKind.FLAG:
            value = f": :{_ZSH_ACTIONS[value_of(command, option)]}"
        if option.kind is OptionKind.TEXTS:
            repeat = "*"
        for name in option.names:
            equals = "=" if value and name.startswith("--") else ""
            yield quoted(f"{repeat}{name}{equals}[{text}]{value}")
