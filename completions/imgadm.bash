# Completion of imgadm in bash, made by python -m imgadm.cli.completions.

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
    available) _imgadm_lookup imgadm avail -H -o uuid,name ;;
    commands) COMPREPLY=($(compgen -W "help sources avail show import install list get delete ancestry vacuum create publish serve" -- "$cur")) ;;
    directories) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
    files) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    installed) _imgadm_lookup imgadm list -H -o uuid,name ;;
    machines) _imgadm_lookup vmadm list -H -o uuid,alias ;;
    sources) _imgadm_lookup imgadm sources ;;
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
    "") options="-h --help --version -v --verbose -E" ;;
    help) options="" arguments=commands ;;
    sources) options="-h --help -v --verbose -j --json -a -d -e -c --check -t --type -k --insecure -f --force" arguments=nothing ;;
    avail|available) options="-h --help -j --json -H -o -s" arguments=nothing ;;
    show) options="-h --help" arguments=available ;;
    import) options="-h --help -P -S --source -C --channel -q --quiet --json --no-wait --zstream" arguments=available ;;
    install) options="-h --help -m -f -P -q --quiet --json --no-wait" arguments=nothing ;;
    list) options="-h --help -j --json -H -o -s -P --docker" arguments=nothing ;;
    get|info) options="-h --help -P -r" arguments=installed ;;
    delete|destroy) options="-h --help -P --no-wait" arguments=installed ;;
    ancestry) options="-h --help -j --json -H -o -P" arguments=installed ;;
    vacuum) options="-h --help -n --dry-run -f --force -t -x --records -P --no-wait" arguments=nothing ;;
    create) options="-h --help -m -o --output-template --overwrite -c --compression --level -i --incremental --max-origin-depth -s -p --publish -k --insecure --token-file -q --quiet --no-wait" arguments=machines ;;
    publish) options="-h --help -m -f -k --insecure --token-file -q --quiet --json" arguments=nothing ;;
    serve) options="-h --help -l --listen -i --installed -P -q --quiet -w --writable --token-file --max-upload" arguments=directories ;;
    *) return ;;
    esac
    case $command,$before in
    sources,-a) _imgadm_words nothing; return ;;
    sources,-d) _imgadm_words sources; return ;;
    sources,-t|sources,--type) _imgadm_words nothing; return ;;
    avail,-o|available,-o) _imgadm_words nothing; return ;;
    avail,-s|available,-s) _imgadm_words nothing; return ;;
    import,-P) _imgadm_words directories; return ;;
    import,-S|import,--source) _imgadm_words nothing; return ;;
    import,-C|import,--channel) _imgadm_words nothing; return ;;
    install,-m) _imgadm_words files; return ;;
    install,-f) _imgadm_words files; return ;;
    install,-P) _imgadm_words directories; return ;;
    list,-o) _imgadm_words nothing; return ;;
    list,-s) _imgadm_words nothing; return ;;
    list,-P) _imgadm_words directories; return ;;
    get,-P|info,-P) _imgadm_words directories; return ;;
    delete,-P|destroy,-P) _imgadm_words directories; return ;;
    ancestry,-o) _imgadm_words nothing; return ;;
    ancestry,-P) _imgadm_words directories; return ;;
    vacuum,-t) _imgadm_words nothing; return ;;
    vacuum,-x) _imgadm_words installed; return ;;
    vacuum,-P) _imgadm_words directories; return ;;
    create,-m) _imgadm_words files; return ;;
    create,-o|create,--output-template) _imgadm_words files; return ;;
    create,-c|create,--compression) _imgadm_words nothing; return ;;
    create,--level) _imgadm_words nothing; return ;;
    create,--max-origin-depth) _imgadm_words nothing; return ;;
    create,-s) _imgadm_words files; return ;;
    create,-p|create,--publish) _imgadm_words nothing; return ;;
    create,--token-file) _imgadm_words files; return ;;
    publish,-m) _imgadm_words nothing; return ;;
    publish,-f) _imgadm_words nothing; return ;;
    publish,--token-file) _imgadm_words nothing; return ;;
    serve,-l|serve,--listen) _imgadm_words nothing; return ;;
    serve,-P) _imgadm_words directories; return ;;
    serve,--token-file) _imgadm_words nothing; return ;;
    serve,--max-upload) _imgadm_words nothing; return ;;
    esac
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$cur"))
    else
        _imgadm_words "$arguments"
    fi
}

complete -F _imgadm imgadm
