#!/bin/sh
# Groups the lines of a log by their shape and counts them. AI_SDLC_PARAM_FILE, _LEVEL, _WITH, _MOST.
# Exit: 0 read, 2 bad input.
set -u
unset CDPATH
LC_ALL=C
export LC_ALL

fail() {
  printf 'log-reading: %s\n' "$*" >&2
  exit 2
}

file=${AI_SDLC_PARAM_FILE:-}
level=${AI_SDLC_PARAM_LEVEL:-problems}
most=${AI_SDLC_PARAM_MOST:-25}
own=${AI_SDLC_SKILL_DIR:-$(dirname "$0")}
[ -n "$file" ] || fail 'file is missing: the log to read'
case $level in
  problems | all) ;;
  *) fail "level is problems or all, not $level" ;;
esac
case $most in
  '' | *[!0-9]* | ????????*) fail "most is a number, not $most" ;;
esac
case $file in
  /*) ;;
  *) file=./$file ;;
esac
[ -f "$file" ] || fail "there is no file $file"
[ -r "$file" ] || fail "$file cannot be read"

# The environment carries the text as it is: -v would read its backslashes.
WITH=${AI_SDLC_PARAM_WITH:-}
export WITH
read_log() {
  case $file in
    *.gz) gzip -cd <"$file" ;;
    *) cat <"$file" ;;
  esac
}
read_log | tr '\000' ' ' | awk -v level="$level" -v most="$most" -f "$own/shape.awk"
