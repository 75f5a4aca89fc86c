"""The completion script for bash."""

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
# Offers the words that a command prints, one a line, perhaps with blanks and a description.
_imgadm_lookup() {
    local word about safe words=() described=() named=() called=()
    while read -r word about; do
        # Insert characters that the shell would interpret with backslashes before them.
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
    # The beginning of a name completes to the UUID of its image, if only one image matches.
    if ((${#words[@]} == 0 && ${#named[@]} == 1)); then
        COMPREPLY=("${named[@]}")
    elif [[ ${COMP_TYPE-} == 63 ]]; then
        # A list that bash only shows, and does not insert, has the descriptions.
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
    # The words as imgadm will get them. COMP_WORDS splits URLs and --option=value.
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
    # readline replaces only the text after the last character that breaks words.
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
    """Return the script."""
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
