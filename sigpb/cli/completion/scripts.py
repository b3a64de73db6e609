"""The scripts that have shells ask sigpb what may follow on a command line."""

from __future__ import annotations

from sigpb.cli.command_line import COMPLETE

_BASH = """\
_sigpb() {
    local line is_open=1
    COMPREPLY=()
    while IFS= read -r line; do
        COMPREPLY+=("$line")
        [[ $line == *[=/\\(] ]] || is_open=
    done < <(sigpb ENTRY bash "$COMP_WORDBREAKS" "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
    if [[ -n $is_open ]] && type compopt &>/dev/null; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o nosort -F _sigpb sigpb 2>/dev/null || complete -F _sigpb sigpb
"""

_ZSH = """\
#compdef sigpb
_sigpb() {
    local -a done_words done_said open_words open_said
    local word said
    while IFS=$'\\t' read -r word said; do
        if [[ $word == *[=/\\(] ]]; then
            open_words+=("$word") open_said+=("$word${said:+  -- $said}")
        else
            done_words+=("$word") done_said+=("$word${said:+  -- $said}")
        fi
    done < <(sigpb ENTRY zsh "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)
    (( $#done_words )) && compadd -V sigpb -l -d done_said -a done_words
    (( $#open_words )) && compadd -V sigpb_open -l -S '' -d open_said -a open_words
    (( $#done_words + $#open_words ))
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
compdef _sigpb sigpb
"""

_FISH = """\
function __sigpb_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    sigpb ENTRY fish $before[2..-1] "$current" 2>/dev/null
end
complete -c sigpb -f -k -a '(__sigpb_complete)'
"""

SCRIPTS = {
    shell: script.replace("ENTRY", COMPLETE)
    for shell, script in (("bash", _BASH), ("zsh", _ZSH), ("fish", _FISH))
}
"""The script of each shell."""
