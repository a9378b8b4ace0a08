#!/bin/sh
# Runs a command many times and says how often and how it fails.
# AI_SDLC_PARAM_RUN, _TIMES, _AT_ONCE, _LIMIT_S.
# Exit: 0 every run passed, 1 some or all failed, 2 bad input.
set -u
unset CDPATH

fail() {
  printf 'flaky-tests: %s\n' "$*" >&2
  exit 2
}
number() {
  case $2 in
    '' | *[!0-9]* | ????????*) fail "$1 is a number, not $2" ;;
  esac
  { [ "$2" -ge "$3" ] && [ "$2" -le "$4" ]; } || fail "$1 is between $3 and $4, not $2"
}

run=${AI_SDLC_PARAM_RUN:-}
times=${AI_SDLC_PARAM_TIMES:-10}
at_once=${AI_SDLC_PARAM_AT_ONCE:-1}
limit=${AI_SDLC_PARAM_LIMIT_S:-300}
own=${AI_SDLC_SKILL_DIR:-$(dirname "$0")}
[ -n "$run" ] || fail 'run is missing: the command to repeat'
number times "$times" 2 500
number at_once "$at_once" 1 16
number limit_s "$limit" 1 3600

work=$(mktemp -d "${TMPDIR:-/tmp}/flaky-tests.XXXXXX") || fail 'no temporary folder could be made'
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

limiter=
for program in timeout gtimeout; do
  if command -v "$program" >/dev/null 2>&1; then
    limiter=$program
    break
  fi
done
[ -n "$limiter" ] || echo 'no program timeout here: a run that hangs is not cut off'

one() {
  began=$(date +%s)
  if [ -n "$limiter" ]; then
    "$limiter" "$limit" sh -c "$run" >"$work/$1.out" 2>&1 </dev/null
  else
    sh -c "$run" >"$work/$1.out" 2>&1 </dev/null
  fi
  code=$?
  ended=$(date +%s)
  echo "$1 $code $((ended - began))" >"$work/$1.end"
}

begun=0
while [ "$begun" -lt "$times" ]; do
  beside=0
  while [ "$beside" -lt "$at_once" ] && [ "$begun" -lt "$times" ]; do
    begun=$((begun + 1))
    beside=$((beside + 1))
    one "$begun" &
  done
  wait
done

n=1
while [ "$n" -le "$times" ]; do
  cat "$work/$n.end" 2>/dev/null || echo "$n 127 0"
  n=$((n + 1))
done >"$work/ends"
LC_ALL=C awk -v work="$work" -f "$own/repeat.awk" "$work/ends"
