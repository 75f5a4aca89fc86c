"""Completion in bash."""

from __future__ import annotations

from imgadm.cli.completions.places import (
    ARGUMENTS,
    COMMANDS,
    LOOKUPS,
    Words,
    pattern,
    shown,
    value_of,
)
from imgadm.cli.help import GLOBAL_OPTIONS
from imgadm.cli.options import Kind

_BASH = """\
_imgadm_lookup() {
    local uuid name named=()
    while read -r uuid name; do
        if [[ $uuid == "$cur"* ]]; then
            COMPREPLY+=("$uuid")
        elif [[ $name == "$cur"* ]]; then
            named+=("$uuid")
        fi
    done < <("$@" 2>/dev/null)
    # The beginning of a name stands for its image, where it is the only one.
    if ((${#COMPREPLY[@]} == 0 && ${#named[@]} == 1)); then
        COMPREPLY=("${named[0]}")
    fi
}

_imgadm_words() {
    case $1 in
    available) _imgadm_lookup @AVAILABLE@ ;;
    commands) COMPREPLY=($(compgen -W "@COMMANDS@" -- "$cur")) ;;
    directories) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
    files) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    installed) _imgadm_lookup @INSTALLED@ ;;
    machines) _imgadm_lookup @MACHINE@ ;;
    sources) _imgadm_lookup @SOURCE@ ;;
    esac
}

_imgadm() {
    local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local command= options= arguments=commands word
    COMPREPLY=()
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        if [[ $word != -* ]]; then
            command=$word
            break
        fi
    done
    case $command in
    "") options="@GLOBAL@" ;;
@CASES@
    *) return ;;
    esac
    case $command,$before in
@VALUES@
    esac
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$cur"))
    else
        _imgadm_words "$arguments"
    fi
}

complete -F _imgadm imgadm
"""


def script() -> str:
    cases, values = [], []
    for command in COMMANDS:
        options = " ".join(name for option in shown(command.options) for name in option.names)
        arguments = ARGUMENTS.get(command.name, Words.NOTHING)
        cases.append(f'    {pattern(command.name)}) options="{options}" arguments={arguments} ;;')
        for option in shown(command.options):
            if option.kind is not Kind.FLAG:
                places = "|".join(
                    f"{spelling},{name}"
                    for spelling in pattern(command.name).split("|")
                    for name in option.names
                )
                values.append(
                    f"    {places}) _imgadm_words {value_of(command.name, option)}; return ;;"
                )
    script = (
        _BASH.replace("@COMMANDS@", " ".join(command.name for command in COMMANDS))
        .replace("@GLOBAL@", " ".join(name for option in GLOBAL_OPTIONS for name in option.names))
        .replace("@CASES@", "\n".join(cases))
        .replace("@VALUES@", "\n".join(values))
    )
    for words, lookup in LOOKUPS.items():
        script = script.replace(f"@{words.name}@", lookup)
    return script
