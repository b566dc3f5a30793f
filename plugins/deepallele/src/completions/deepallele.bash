# Completion of deepallele in bash. The commands are those that deepallele finds; what follows a command is completed as
# for the program deepallele-NAME, by the script next to this one or another that is registered for it.

_deepallele_folder=${BASH_SOURCE[0]%/*}
[[ $_deepallele_folder == "${BASH_SOURCE[0]}" ]] && _deepallele_folder=.

# Prints the completion function of a program, if it has one.
_deepallele_function() {
    local registered
    registered=$(complete -p -- "$1" 2>/dev/null) || return
    [[ $registered =~ \ -F\ ([^\ ]+) ]] && printf '%s' "${BASH_REMATCH[1]}"
}

_deepallele() {
    local door=${1/#\~/$HOME} current=$2 before=$3 name program function words
    COMPREPLY=()
    if [[ $COMP_CWORD -eq 1 || ( $COMP_CWORD -eq 2 && ${COMP_WORDS[1]} == help ) ]]; then
        compopt +o default +o bashdefault
        words=$("$door" --list-commands names 2>/dev/null)
        [[ $COMP_CWORD -eq 1 ]] && words+=" help"
        [[ $COMP_CWORD -eq 1 && $current == -* ]] && words="--help --version"
        COMPREPLY=($(compgen -W "$words" -- "$current"))
        return
    fi
    name=${COMP_WORDS[1]}
    [[ $name =~ ^[A-Za-z0-9_-]+$ && $name != help ]] || return
    program=deepallele-$name
    function=$(_deepallele_function "$program")
    if [[ -z $function ]]; then
        if [[ -r $_deepallele_folder/$program ]]; then
            source "$_deepallele_folder/$program"
        elif declare -F _comp_load >/dev/null; then
            _comp_load -- "$program"
        elif declare -F _completion_loader >/dev/null; then
            _completion_loader "$program"
        fi
        function=$(_deepallele_function "$program")
    fi
    declare -F -- "$function" >/dev/null || return
    words=("$program" "${COMP_WORDS[@]:2}")
    local COMP_CWORD=$((COMP_CWORD - 1))
    local COMP_WORDS=("${words[@]}")
    [[ $COMP_CWORD -eq 1 ]] && before=$program
    "$function" "$program" "$current" "$before"
}

complete -F _deepallele -o nosort -o bashdefault -o default deepallele
