"""Completion in bash."""

from __future__ import annotations

from imgadm.cli.options import OptionKind
from imgadm.cli.reference.completions.places import (
    ARGUMENTS,
    COMMANDS,
    LOOKUPS,
    TYPE_WORDS,
    ZPOOLS,
    Words,
    offered_options,
    pattern,
    value_of,
)
from imgadm.cli.shared_options import GLOBAL_OPTIONS

_BASH = """\
# Offers what a command prints: a word a line, and perhaps blanks and what it stands for.
_imgadm_lookup() {
    local word about safe words=() described=() named=() called=()
    while read -r word about; do
        # What a shell would run, or take apart, is inserted with backslashes before it.
        safe=$word
        if [[ $word == *[!A-Za-z0-9_./:@%+=,~?*-]* ]]; then
            [[ -n $quoted ]] && continue
            printf -v safe %q "$word"
        fi
        if [[ $word == "$cur"* ]]; then
            words+=("$safe")
            described+=("$word${about:+  $about}")
        elif [[ $about == "$cur"* ]]; then
            named+=("$safe")
            called+=("$word  $about")
        fi
    done < <("$@" 2>/dev/null)
    COMPREPLY=("${words[@]}")
    # The beginning of a name stands for its image, where it is the only one.
    if ((${#words[@]} == 0 && ${#named[@]} == 1)); then
        COMPREPLY=("${named[@]}")
    elif [[ ${COMP_TYPE-} == 63 ]]; then
        # What is only shown, and not inserted, can tell more.
        ((${#words[@]} > 1)) && COMPREPLY=("${described[@]}")
        ((${#words[@]} == 0)) && COMPREPLY=("${called[@]}")
    fi
}

_imgadm_words() {
    case $1 in
    available) _imgadm_lookup @AVAILABLE@ ;;
    commands) COMPREPLY=($(compgen -W "@COMMANDS@" -- "$cur")) ;;
    directories) compopt -o dirnames ;;
    files) compopt -o default ;;
    installed) _imgadm_lookup @INSTALLED@ "${pool[@]}" ;;
    machines) _imgadm_lookup @MACHINE@ ;;
    pools) compopt -o plusdirs -o filenames; _imgadm_lookup @ZPOOLS@ ;;
    sources) _imgadm_lookup @SOURCE@ ;;
    types) COMPREPLY=($(compgen -W "@TYPES@" -- "$cur")) ;;
    esac
}

_imgadm_candidates() {
    local command= options= arguments=commands word pool=()
    for word in "${words[@]:1}"; do
        if [[ $word != -* ]]; then
            command=$word
            break
        fi
    done
    for word in "${!words[@]}"; do
        if [[ ${words[word]} == -P && -n ${words[word + 1]-} ]]; then
            pool=(-P "${words[word + 1]}")
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

_imgadm() {
    # Words as imgadm will see them: in COMP_WORDS, URLs and --option=value are in pieces.
    local line=${COMP_LINE:0:COMP_POINT} words cur before breaks= whole quoted=
    read -ra words <<<"$line"
    if [[ $line == *[[:blank:]] ]]; then
        words+=("")
    fi
    cur=${words[${#words[@]} - 1]} before=${words[${#words[@]} - 2]-}
    unset "words[${#words[@]} - 1]"
    whole=$cur
    if [[ $cur == --*=* ]]; then
        before=${cur%%=*} cur=${cur#*=}
    fi
    COMPREPLY=()
    if [[ $cur == [\\"\\']* ]]; then
        quoted=1 cur=${cur:1} _imgadm_candidates
        return
    fi
    _imgadm_candidates
    # readline replaces what follows the last character that breaks words for it.
    [[ $COMP_WORDBREAKS == *:* ]] && breaks+=:
    [[ $COMP_WORDBREAKS == *=* ]] && breaks+==
    if [[ -n $breaks && $whole == *[$breaks]* ]]; then
        cur=${cur%"${cur##*[$breaks]}"}
        COMPREPLY=("${COMPREPLY[@]#"$cur"}")
    fi
}

complete -F _imgadm imgadm
"""


def script() -> str:
    cases, values = [], []
    for command in COMMANDS:
        options = " ".join(
            name for option in offered_options(command.options) for name in option.names
        )
        arguments = ARGUMENTS.get(command.name, Words.NOTHING)
        cases.append(f'    {pattern(command.name)}) options="{options}" arguments={arguments} ;;')
        for option in offered_options(command.options):
            if option.kind is not OptionKind.FLAG:
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
        .replace("@TYPES@", TYPE_WORDS)
        .replace("@ZPOOLS@", ZPOOLS)
        .replace("@CASES@", "\n".join(cases))
        .replace("@VALUES@", "\n".join(values))
    )
    for words, lookup in LOOKUPS.items():
        script = script.replace(f"@{words.name}@", lookup)
    return script
