# Completion of imgadm in bash, made by python -m imgadm.cli.reference.completions.

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
    available) _imgadm_lookup env IMGADM_PATIENCE=2 imgadm avail -H -o uuid,name,version ;;
    commands) COMPREPLY=($(compgen -W "help sources avail show import install list get update delete ancestry vacuum create publish serve" -- "$cur")) ;;
    directories) compopt -o dirnames ;;
    files) compopt -o default ;;
    installed) _imgadm_lookup env IMGADM_PATIENCE=2 imgadm list -H -o uuid,name,version "${pool[@]}" ;;
    machines) _imgadm_lookup vmadm list -H -o uuid,alias ;;
    pools) compopt -o plusdirs -o filenames; _imgadm_lookup zpool list -Ho name ;;
    sources) _imgadm_lookup env IMGADM_PATIENCE=2 imgadm sources ;;
    types) COMPREPLY=($(compgen -W "imgapi dsapi docker" -- "$cur")) ;;
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
    "") options="-h --help --version -v --verbose -E" ;;
    help) options="" arguments=commands ;;
    sources) options="-h --help -v --verbose -j --json -a -d -e -c --check -t --type -k --insecure -f --force" arguments=nothing ;;
    avail|available) options="-h --help -j --json -H -o -s" arguments=nothing ;;
    show) options="-h --help --platform" arguments=available ;;
    import) options="-h --help -P -S --source -C --channel --platform -q --quiet --json --no-wait --zstream --unverified --verify-origins" arguments=available ;;
    install) options="-h --help -m -f --disk --format --block-size -P -q --quiet --json --no-wait" arguments=nothing ;;
    list) options="-h --help -j --json -H -o -s -P --docker" arguments=nothing ;;
    get|info) options="-h --help -P -r" arguments=installed ;;
    update) options="-h --help -n --dry-run -P --no-wait" arguments=installed ;;
    delete|destroy) options="-h --help -P --no-wait" arguments=installed ;;
    ancestry) options="-h --help -j --json -H -o -P" arguments=installed ;;
    vacuum) options="-h --help -n --dry-run -f --force -t -x --records -P --no-wait" arguments=nothing ;;
    create) options="-h --help -m -o --output-template --overwrite -c --compression --level -i --incremental --max-origin-depth -s -p --publish -k --insecure --token-file --disk --format --block-size -P -q --quiet --no-wait" arguments=machines ;;
    publish) options="-h --help -m -f -k --insecure --token-file -q --quiet --json" arguments=nothing ;;
    serve) options="-h --help -l --listen -i --installed -P -q --quiet -w --writable --token-file --max-upload --host-name" arguments=directories ;;
    *) return ;;
    esac
    case $command,$before in
    sources,-a) _imgadm_words nothing; return ;;
    sources,-d) _imgadm_words sources; return ;;
    sources,-t|sources,--type) _imgadm_words types; return ;;
    avail,-o|available,-o) _imgadm_words nothing; return ;;
    avail,-s|available,-s) _imgadm_words nothing; return ;;
    show,--platform) _imgadm_words nothing; return ;;
    import,-P) _imgadm_words pools; return ;;
    import,-S|import,--source) _imgadm_words sources; return ;;
    import,-C|import,--channel) _imgadm_words nothing; return ;;
    import,--platform) _imgadm_words nothing; return ;;
    install,-m) _imgadm_words files; return ;;
    install,-f) _imgadm_words files; return ;;
    install,--disk) _imgadm_words files; return ;;
    install,--format) _imgadm_words nothing; return ;;
    install,--block-size) _imgadm_words nothing; return ;;
    install,-P) _imgadm_words pools; return ;;
    list,-o) _imgadm_words nothing; return ;;
    list,-s) _imgadm_words nothing; return ;;
    list,-P) _imgadm_words pools; return ;;
    get,-P|info,-P) _imgadm_words pools; return ;;
    update,-P) _imgadm_words pools; return ;;
    delete,-P|destroy,-P) _imgadm_words pools; return ;;
    ancestry,-o) _imgadm_words nothing; return ;;
    ancestry,-P) _imgadm_words pools; return ;;
    vacuum,-t) _imgadm_words nothing; return ;;
    vacuum,-x) _imgadm_words installed; return ;;
    vacuum,-P) _imgadm_words pools; return ;;
    create,-m) _imgadm_words files; return ;;
    create,-o|create,--output-template) _imgadm_words files; return ;;
    create,-c|create,--compression) _imgadm_words nothing; return ;;
    create,--level) _imgadm_words nothing; return ;;
    create,--max-origin-depth) _imgadm_words nothing; return ;;
    create,-s) _imgadm_words files; return ;;
    create,-p|create,--publish) _imgadm_words nothing; return ;;
    create,--token-file) _imgadm_words files; return ;;
    create,--disk) _imgadm_words files; return ;;
    create,--format) _imgadm_words nothing; return ;;
    create,--block-size) _imgadm_words nothing; return ;;
    create,-P) _imgadm_words pools; return ;;
    publish,-m) _imgadm_words files; return ;;
    publish,-f) _imgadm_words files; return ;;
    publish,--token-file) _imgadm_words files; return ;;
    serve,-l|serve,--listen) _imgadm_words nothing; return ;;
    serve,-P) _imgadm_words pools; return ;;
    serve,--token-file) _imgadm_words files; return ;;
    serve,--max-upload) _imgadm_words nothing; return ;;
    serve,--host-name) _imgadm_words nothing; return ;;
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
    if [[ $cur == [\"\']* ]]; then
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
