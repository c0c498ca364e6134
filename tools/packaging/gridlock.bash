# Completion of gridlock for bash: subcommands, the options that each one's --help lists, and files.
_gridlock() {
  local word=${COMP_WORDS[COMP_CWORD]} command=
  [ "$COMP_CWORD" -gt 1 ] && command=${COMP_WORDS[1]}
  case $word in
    -*)
      mapfile -t COMPREPLY < <(compgen -W "$(gridlock $command --help 2>/dev/null |
        grep -oE '^ +(-[a-zA-Z],)?--[a-z][a-z-]*' | grep -oE -- '--[a-z-]+')" -- "$word") ;;
    *)
      if [ "$COMP_CWORD" = 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$(gridlock --help 2>/dev/null |
          sed -n '/^Subcommands:/,/^$/s/^  \([a-z-]*\) .*/\1/p')" -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi ;;
  esac
}
complete -o filenames -F _gridlock gridlock
